package projections

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/store"
)

// at returns the field of a row; FieldByIndex costs more where there is nothing
// embedded.
func (c *field) at(row reflect.Value) reflect.Value {
	if len(c.index) == 1 {
		return row.Field(c.index[0])
	}
	return row.FieldByIndex(c.index)
}

// encode appends the stored values of the row that ptr points to.
func (s *schema) encode(to []any, ptr any) ([]any, error) {
	row := reflect.ValueOf(ptr).Elem()
	for i := range s.columns {
		v, err := s.columns[i].encode(row)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", s.columns[i].Name, err)
		}
		to = append(to, v)
	}
	return to, nil
}

func (c *field) encode(row reflect.Value) (any, error) {
	v := c.at(row)
	switch c.Kind {
	case KindText:
		return v.String(), nil
	case KindTime:
		return store.FormatTime(*v.Addr().Interface().(*time.Time)), nil
	case KindInteger:
		if v.CanUint() {
			if v.Uint() > math.MaxInt64 {
				return nil, fmt.Errorf("%d is above 2^63-1", v.Uint())
			}
			return int64(v.Uint()), nil
		}
		return v.Int(), nil
	case KindBool:
		if v.Bool() {
			return int64(1), nil
		}
		return int64(0), nil
	case KindNumber:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("%v is no number", f)
		}
		return v.Float() + 0, nil // no negative zero
	case KindRef:
		return v.Addr().Interface().(*events.Ref).String(), nil
	case KindRefs:
		return string(v.Addr().Interface().(*events.Refs).AppendJSON(make([]byte, 0, 64))), nil
	}
	if v.Len() == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(v.Interface())
	return string(b), err
}

// decode returns a pointer to the row that the stored values are of.
func (s *schema) decode(values []any) (any, error) {
	ptr := reflect.New(s.row)
	for i := range s.columns {
		if err := s.columns[i].decode(ptr.Elem(), values[i]); err != nil {
			return nil, fmt.Errorf("column %s: %w", s.columns[i].Name, err)
		}
	}
	return ptr.Interface(), nil
}

func (c *field) decode(row reflect.Value, value any) error {
	v := c.at(row)
	switch c.Kind {
	case KindNumber:
		v.SetFloat(value.(float64))
		return nil
	case KindBool:
		v.SetBool(value.(int64) != 0)
		return nil
	case KindInteger:
		if v.CanUint() {
			v.SetUint(uint64(value.(int64)))
		} else {
			v.SetInt(value.(int64))
		}
		return nil
	}
	text := value.(string)
	switch c.Kind {
	case KindTime:
		t, err := store.ParseTime(text)
		*v.Addr().Interface().(*time.Time) = t
		return err
	case KindRef:
		ref, err := events.ParseRef(text)
		*v.Addr().Interface().(*events.Ref) = ref
		return err
	case KindRefs, KindTexts:
		if text == "[]" {
			return nil
		}
		return json.Unmarshal([]byte(text), v.Addr().Interface())
	}
	v.SetString(text)
	return nil
}

// equal tells whether two rows are stored as the same.
func (s *schema) equal(a, b any) bool {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range s.columns {
		c := &s.columns[i]
		v, w := c.at(x), c.at(y)
		same := false
		switch c.Kind {
		case KindTime:
			same = v.Addr().Interface().(*time.Time).Equal(*w.Addr().Interface().(*time.Time))
		case KindRefs:
			same = slices.Equal(*v.Addr().Interface().(*events.Refs), *w.Addr().Interface().(*events.Refs))
		case KindTexts:
			same = v.Len() == w.Len()
			for n := 0; same && n < v.Len(); n++ {
				same = v.Index(n).String() == w.Index(n).String()
			}
		default:
			same = v.Equal(w)
		}
		if !same {
			return false
		}
	}
	return true
}

// clip makes a row what it will be when it is read back, so that it is the same
// whether it comes from memory or from the disk: lists that grow elsewhere when they
// are appended to, times in UTC, texts in UTF-8.
func (s *schema) clip(ptr any) {
	row := reflect.ValueOf(ptr).Elem()
	for i := range s.columns {
		c := &s.columns[i]
		switch c.Kind {
		case KindText:
			if v := c.at(row); !utf8.ValidString(v.String()) {
				v.SetString(valid(v.String()))
			}
		case KindTime:
			t := c.at(row).Addr().Interface().(*time.Time)
			*t = t.UTC().Round(0)
			if year := t.Year(); t.IsZero() || year < 0 || year > 9999 {
				*t = time.Time{}
			}
		case KindRefs:
			refs := c.at(row).Addr().Interface().(*events.Refs)
			*refs = slices.Clip(*refs)
			if len(*refs) == 0 {
				*refs = nil
			}
		case KindTexts:
			clipTexts(c.at(row))
		}
	}
}

func clipTexts(list reflect.Value) {
	n := list.Len()
	if n == 0 {
		list.SetZero()
		return
	}
	list.Set(list.Slice3(0, n, n))
	for i := range n {
		if utf8.ValidString(list.Index(i).String()) {
			continue
		}
		cleaned := reflect.MakeSlice(list.Type(), n, n)
		for i := range n {
			cleaned.Index(i).SetString(valid(list.Index(i).String()))
		}
		list.Set(cleaned)
		return
	}
}

// valid replaces what is not UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
