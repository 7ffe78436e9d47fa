package store

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// Unit is how long a [Bucket] is.
type Unit string

const (
	Day   Unit = "day"
	Week  Unit = "week" // from Monday
	Month Unit = "month"
)

// Bucket puts times together. The zero value puts none together.
type Bucket struct {
	Unit Unit
	Zone *time.Location // where days begin; UTC if nil
}

// First returns the first day of the bucket that a stored time falls into, as
// 2026-11-23, or the empty text where the time isn't known.
func (b Bucket) First(stored string) (string, error) {
	if stored == "" {
		return "", nil
	}
	t, err := ParseTime(stored)
	if err != nil {
		return "", err
	}
	if b.Zone != nil {
		t = t.In(b.Zone)
	}
	switch b.Unit {
	case Week:
		t = t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	case Month:
		t = t.AddDate(0, 0, 1-t.Day())
	}
	return t.Format(time.DateOnly), nil
}

// Counter counts versions into groups. Backends use it for what their own language
// can't do, such as the days of a time zone.
type Counter struct {
	by     []By
	lists  []bool
	groups map[string]*Group
	keys   []byte // of the group that is looked for; kept for its memory
}

// NewCounter returns a Counter without groups. A Bucket of a column that isn't a Time,
// and a Unit that isn't there, are errors.
func NewCounter(t *Table, by []By) (*Counter, error) {
	c := &Counter{by: by, lists: make([]bool, len(by)), groups: map[string]*Group{}}
	for i, b := range by {
		if b.Column < 0 || b.Column >= len(t.Columns) {
			return nil, fmt.Errorf("group the rows of %s: there is no column %d", t.Name, b.Column)
		}
		column := t.Columns[b.Column]
		c.lists[i] = column.Type == List
		switch b.Bucket.Unit {
		case "":
		case Day, Week, Month:
			if column.Type != Time {
				return nil, fmt.Errorf("group the rows of %s: %s holds no times, which %s is for", t.Name, column.Name, b.Bucket.Unit)
			}
		default:
			return nil, fmt.Errorf("group the rows of %s: there is no unit %q", t.Name, b.Bucket.Unit)
		}
	}
	return c, nil
}

// Add counts n versions whose columns hold these values, which are as By. The Counter
// doesn't keep the slice.
func (c *Counter) Add(values []any, n uint64) error { return c.add(slices.Clone(values), 0, n) }

// add resolves the values from i on; where one is a list, once for each element.
func (c *Counter) add(values []any, i int, n uint64) error {
	for ; i < len(c.by); i++ {
		switch {
		case c.by[i].Bucket.Unit != "":
			first, err := c.by[i].Bucket.First(values[i].(string))
			if err != nil {
				return err
			}
			values[i] = first
		case c.lists[i]:
			elements, err := elements(values[i].(string))
			if err != nil {
				return err
			}
			list := values[i]
			for _, e := range elements {
				values[i] = e
				if err := c.add(slices.Clone(values), i+1, n); err != nil {
					return err
				}
			}
			values[i] = list
			return nil
		}
	}
	c.keys = c.keys[:0]
	for _, v := range values {
		switch v := v.(type) {
		case string:
			c.keys = append(binary.AppendUvarint(c.keys, uint64(len(v))), v...)
		case int64:
			c.keys = binary.BigEndian.AppendUint64(c.keys, uint64(v))
		case float64:
			c.keys = binary.BigEndian.AppendUint64(c.keys, math.Float64bits(v))
		}
	}
	g := c.groups[string(c.keys)]
	if g == nil {
		if len(c.groups) == MaxGroups {
			return ErrManyGroups
		}
		g = &Group{Values: values}
		c.groups[string(c.keys)] = g
	}
	g.Count += n
	return nil
}

// elements returns the different elements of a list, the empty text where there is none.
func elements(list string) ([]string, error) {
	var elements []string
	if err := json.Unmarshal([]byte(list), &elements); err != nil {
		return nil, fmt.Errorf("a list that isn't one: %w", err)
	}
	if len(elements) == 0 {
		return []string{""}, nil
	}
	slices.Sort(elements)
	return slices.Compact(elements), nil
}

// Groups returns the groups in the order of their values.
func (c *Counter) Groups() []Group {
	groups := make([]Group, 0, len(c.groups))
	for _, g := range c.groups {
		groups = append(groups, *g)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		for i := range a.Values {
			if n := Compare(a.Values[i], b.Values[i]); n != 0 {
				return n
			}
		}
		return 0
	})
	return groups
}

// Compare orders two values of one column, as cmp.Compare does.
func Compare(a, b any) int {
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case float64:
		return cmp.Compare(a, b.(float64))
	default:
		return cmp.Compare(a.(string), b.(string))
	}
}
