package store

import "fmt"

// Version is what a key of a table stood for.
type Version struct {
	Change uint64
	Key    string
	Kind   int
	From   uint64 // leaf
	Values []any  // string, int64 or float64, as the columns' types say
}

// KeyColumn and FromColumn stand for a row's key and the leaf it is from in a [Where].
const (
	KeyColumn  = -1
	FromColumn = -2
)

// Op is how a [Where] compares.
type Op string

const (
	Equal       Op = "="
	NotEqual    Op = "!="
	Less        Op = "<"
	LessOrEqual Op = "<="
	More        Op = ">"
	MoreOrEqual Op = ">="
	// Contains looks for the value within the text. ASCII letters of either case are the
	// same.
	Contains Op = "~"
)

// Where compares a column with a value of its type. Of a List, Equal and NotEqual look
// for an element, Contains into elements, and there is no other Op. Contains is for
// texts and lists alone.
type Where struct {
	Column int // place in the table's Columns, KeyColumn or FromColumn
	Op     Op
	Value  any // string, or int64 of Integer and FromColumn, or float64 of Real
	// NotEmpty leaves empty texts out for Less and LessOrEqual: they stand for what
	// isn't known.
	NotEmpty bool
}

// Among compares texts, joined by slashes, with all of a list. None is among none.
type Among struct {
	Columns []int
	Values  []string
}

// Filter says which versions of a table are meant, of those visible as of a size: from
// an earlier leaf, and not ended before it.
type Filter struct {
	Table  int
	Where  []Where // all of which must hold
	Within []Among // all of which must hold too
	// AsOf is the tree size; Newest says that it is the snapshot's own.
	AsOf   uint64
	Newest bool
}

// Select asks for a page of versions, in the order of the table's order column, and of
// changes where that is the same; both descend unless Ascending.
type Select struct {
	Filter
	Ascending bool
	After     *Place // the page begins after it
	Limit     int    // at least 1
}

// Place is a version's place in the order: the order column's value, if there is
// one, and the change.
type Place struct {
	Order  any
	Change uint64
}

// Grouping asks how many versions there are of each kind.
type Grouping struct {
	Filter
	By []By
}

// By is what versions are grouped by.
type By struct {
	Column int // place in the table's Columns
	// Bucket, for a column of type Time, puts times of one day, week or month together.
	Bucket Bucket
}

// Group is one group of versions.
type Group struct {
	// Values are as By in [Grouping]: a text, int64 or float64 as in the column; the first
	// day of a Bucket, as 2026-11-23, or empty where the time isn't known; an element of a
	// List, or empty where the list is. A version is in the group of each of its elements,
	// once.
	Values []any
	Count  uint64
}

// MaxGroups is the most groups that a [Grouping] may give.
const MaxGroups = 100_000

// Check returns what a filter asks for that can't be asked of the table: backends call
// it before they translate a filter.
func (t *Table) Check(f *Filter) error {
	for _, w := range f.Where {
		if err := t.checkWhere(w); err != nil {
			return err
		}
	}
	for _, a := range f.Within {
		for _, c := range a.Columns {
			if c < 0 || c >= len(t.Columns) || t.Columns[c].Type != Text {
				return fmt.Errorf("filter the rows of %s: column %d is no text", t.Name, c)
			}
		}
	}
	return nil
}

func (t *Table) checkWhere(w Where) error {
	name, kind := "key", Text
	switch {
	case w.Column == FromColumn:
		name, kind = "from_leaf", Integer
	case w.Column >= 0 && w.Column < len(t.Columns):
		name, kind = t.Columns[w.Column].Name, t.Columns[w.Column].Type
	case w.Column != KeyColumn:
		return fmt.Errorf("filter the rows of %s: there is no column %d", t.Name, w.Column)
	}
	var ok bool
	switch w.Op {
	case Equal, NotEqual:
		ok = true
	case Less, LessOrEqual, More, MoreOrEqual:
		ok = kind != List
	case Contains:
		ok = kind == List || kind == Text
	}
	if !ok {
		return fmt.Errorf("filter the rows of %s: %s holds %s, which has no operator %q", t.Name, name, kind, w.Op)
	}
	switch w.Value.(type) {
	case int64:
		ok = kind == Integer
	case float64:
		ok = kind == Real
	case string:
		ok = kind != Integer && kind != Real
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("filter the rows of %s: %s holds %s, not %T", t.Name, name, kind, w.Value)
	}
	return nil
}
