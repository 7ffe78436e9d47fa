package projections

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/store"
)

// Column is a column of a table, as queries and pages name it.
type Column struct {
	Name    string `json:"name"`
	Kind    Kind   `json:"kind"`
	Doc     string `json:"doc,omitempty"`
	Indexed bool   `json:"indexed,omitempty"` // fast to filter by
	Order   bool   `json:"order,omitempty"`   // pages are ordered by it
}

// Kind is what a column holds.
type Kind string

const (
	KindText    Kind = "text"
	KindInteger Kind = "integer"
	KindNumber  Kind = "number"
	KindBool    Kind = "bool"
	KindTime    Kind = "time"
	KindRef     Kind = "ref"   // an event, as "12/3"
	KindRefs    Kind = "refs"  // a list of events
	KindTexts   Kind = "texts" // a list of texts
)

// schema is what a table or state is made of. It doesn't change once made.
type schema struct {
	name    string
	row     reflect.Type // of a table
	columns []field
	order   int   // place of the order column in columns, or -1
	err     error // what is wrong with the tags
}

func (s *schema) isState() bool { return s.row == nil }

// field is a column and where in the row it stands.
type field struct {
	Column
	index []int
	typ   reflect.Type
}

// reserved are names that each table of the database has already.
var reserved = [...]string{"key", "change", "kind", "from_leaf", "to_leaf"}

// newSchema reads the tags of a row type, once.
func newSchema(name string, row reflect.Type) *schema {
	s := &schema{name: name, row: row, order: -1}
	s.err = s.read()
	return s
}

func (s *schema) read() error {
	if s.row.Kind() != reflect.Struct {
		return fmt.Errorf("table %s: its rows are %s, not structs", s.name, s.row)
	}
	for _, f := range reflect.VisibleFields(s.row) {
		tag, ok := f.Tag.Lookup("col")
		if !ok || tag == "-" || !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		kind, ok := kindOf(f.Type)
		switch {
		case !ok:
			return fmt.Errorf("table %s: field %s: %s can't be a column", s.name, f.Name, f.Type)
		case !validColumn(name) || slices.Contains(reserved[:], name):
			return fmt.Errorf("table %s: field %s: a column can't be named %q", s.name, f.Name, name)
		case slices.ContainsFunc(s.columns, func(c field) bool { return c.Name == name }):
			return fmt.Errorf("table %s: two columns are named %q", s.name, name)
		}
		column := field{Column: Column{Name: name, Kind: kind, Doc: f.Tag.Get("doc")}, index: f.Index, typ: f.Type}
		for _, option := range strings.Split(options, ",") {
			switch {
			case option == "":
			case option == "index":
				column.Indexed = true
			case option == "order" && s.order < 0:
				column.Order, column.Indexed, s.order = true, true, len(s.columns)
			case option == "order":
				return fmt.Errorf("table %s: two order columns, %s and %s", s.name, s.columns[s.order].Name, name)
			default:
				return fmt.Errorf("table %s: column %s: there is no option %q", s.name, name, option)
			}
		}
		s.columns = append(s.columns, column)
	}
	if len(s.columns) == 0 {
		return fmt.Errorf("table %s: %s has no columns", s.name, s.row)
	}
	return nil
}

func validColumn(name string) bool {
	if name == "" || name[0] == '.' || name[len(name)-1] == '.' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func kindOf(t reflect.Type) (Kind, bool) {
	switch t {
	case reflect.TypeFor[time.Time]():
		return KindTime, true
	case reflect.TypeFor[events.Ref]():
		return KindRef, true
	case reflect.TypeFor[events.Refs]():
		return KindRefs, true
	}
	switch t.Kind() {
	case reflect.String:
		return KindText, true
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Int32, reflect.Uint32:
		return KindInteger, true
	case reflect.Float64:
		return KindNumber, true
	case reflect.Bool:
		return KindBool, true
	case reflect.Slice:
		return KindTexts, t.Elem().Kind() == reflect.String
	}
	return "", false
}

func (k Kind) stored() store.Type {
	switch k {
	case KindInteger, KindBool:
		return store.Integer
	case KindNumber:
		return store.Real
	case KindTime:
		return store.Time
	case KindRefs, KindTexts:
		return store.List
	}
	return store.Text
}

func (s *schema) public() []Column {
	list := make([]Column, len(s.columns))
	for i, c := range s.columns {
		list[i] = c.Column
	}
	return list
}
