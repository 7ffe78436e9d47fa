package projections

import (
	"fmt"
	"reflect"
)

// Table holds a view's rows by key. R is a struct whose exported fields are columns:
//
//	Facility string    `col:"facility,index" json:"facility" doc:"where it was"`
//	At       time.Time `col:"time,order" json:"time" doc:"when it happened"`
//
// A field is a string or of a string type, an integer, bool, float64, time.Time,
// [events.Ref], [events.Refs] or []string. Nested names are dotted, in col and json alike. An
// index column is fast to filter by; pages are ordered by the one order column,
// descending unless asked otherwise. Fields of embedded structs count as its own; a
// field without a col tag, or with "-", is no column.
//
// Times are kept in UTC to the nanosecond, one outside the years 0 to 9999 as the
// zero time; an empty list is kept as nil; what is not UTF-8 is replaced by U+FFFD.
// The names key, change, kind, from_leaf and to_leaf are taken.
type Table[R any] struct{ s *schema }

// NewTable returns a table. Of a view's tables the first has the view's name. What
// is wrong with R's tags is said by [OpenEngine] and [OpenStore].
func NewTable[R any](name string) *Table[R] {
	return &Table[R]{newSchema(name, reflect.TypeFor[R]())}
}

func (t *Table[R]) schema() *schema { return t.s }

// Get returns the current row of a key, a copy, and whether there is one. The
// elements of its lists must not be changed in place; appending is fine.
func (t *Table[R]) Get(tx *Tx, key string) (*R, bool, error) {
	rows, err := tx.table(t.s)
	if err != nil {
		return nil, false, err
	}
	e, err := rows.find(tx.ctx, key)
	if err != nil || e.now == nil {
		return nil, false, err
	}
	row := *e.now.(*R)
	return &row, true, nil
}

// Put makes row the key's row from this leaf on. Of several in one leaf the last
// counts; a row equal to the one before makes no new version. The row is copied.
func (t *Table[R]) Put(tx *Tx, key string, row *R) error {
	rows, err := tx.table(t.s)
	if err != nil {
		return err
	}
	e, err := rows.find(tx.ctx, key)
	if err != nil {
		return err
	}
	kept := *row
	t.s.clip(&kept)
	rows.set(e, &kept)
	return nil
}

// Delete ends the key's row at this leaf, if there is one.
func (t *Table[R]) Delete(tx *Tx, key string) error {
	rows, err := tx.table(t.s)
	if err != nil {
		return err
	}
	e, err := rows.find(tx.ctx, key)
	if err != nil {
		return err
	}
	rows.set(e, nil)
	return nil
}

// Append is Put for a key that was never used before. It saves looking for what is
// there.
func (t *Table[R]) Append(tx *Tx, key string, row *R) error {
	rows, err := tx.table(t.s)
	if err != nil {
		return err
	}
	kept := *row
	t.s.clip(&kept)
	if !rows.append(key, &kept) {
		return fmt.Errorf("append to %s: key %q is used already", t.s.name, key)
	}
	return nil
}
