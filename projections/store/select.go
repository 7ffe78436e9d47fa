package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
)

// Version is a row of a table.
type Version struct {
	Change uint64
	Key    string
	Kind   int
	From   uint64
	Values []any // string, int64 or float64, as the columns' types say
}

// KeyColumn and FromColumn stand for a row's key and the leaf it is from in a [Where].
const (
	KeyColumn  = -1
	FromColumn = -2
)

// Where compares a column with a value. Op is one of = != < <= > >= and ~, which
// looks for the value within the text. A list is JSON: = and != look for an
// element, ~ into elements.
type Where struct {
	Column int
	Op     string
	Value  any
	List   bool
	// NotEmpty leaves empty texts out, which stand for what isn't known.
	NotEmpty bool
}

// Among compares texts, joined by slashes, with all of a list. None is among none.
type Among struct {
	Columns []int
	Values  []string
}

// Select asks for versions of a table that are visible as of a size.
type Select struct {
	Table int
	Where []Where
	// Within holds as Where does.
	Within []Among
	// AsOf is the tree size; Newest says that it is the database's own.
	AsOf      uint64
	Newest    bool
	Ascending bool
	After     *Place
	Limit     int

	// upTo, if not 0, is the last change that can be visible: so early a one that
	// looking through all before it is less than skipping all after it.
	upTo uint64
}

// Place is a version's place in the order: the order column's value, if there is
// one, and the change.
type Place struct {
	Order  any
	Change uint64
}

// statement returns the query and its parameters. Nothing of a Select stands in
// the text but the names of columns, which are the layout's, and operators.
func (t *Table) statement(s *Select, what string) (string, []any, error) {
	var b strings.Builder
	var args []any
	fmt.Fprintf(&b, "SELECT %s FROM %s ", what, quote(t.Name))
	if s.upTo > 0 {
		b.WriteString("NOT INDEXED WHERE change <= ? AND ")
		args = append(args, int64(s.upTo))
	} else {
		b.WriteString("WHERE ")
	}
	if s.Newest {
		fmt.Fprintf(&b, "to_leaf IS NULL AND kind <> %d", Ended)
	} else {
		b.WriteString("from_leaf < ? AND (to_leaf IS NULL OR to_leaf >= ?)")
		fmt.Fprintf(&b, " AND kind <> %d", Ended)
		args = append(args, int64(s.AsOf), int64(s.AsOf))
	}
	for _, w := range s.Where {
		text, err := t.condition(w)
		if err != nil {
			return "", nil, err
		}
		b.WriteString(" AND " + text)
		args = append(args, w.Value)
	}
	for _, a := range s.Within {
		names := make([]string, len(a.Columns))
		for i, c := range a.Columns {
			names[i] = quote(t.Columns[c].Name)
		}
		values, err := json.Marshal(a.Values)
		if err != nil {
			return "", nil, err
		}
		fmt.Fprintf(&b, " AND (%s) IN (SELECT value FROM json_each(?))", strings.Join(names, " || '/' || "))
		args = append(args, string(values))
	}
	than, direction := "<", "DESC"
	if s.Ascending {
		than, direction = ">", "ASC"
	}
	order := "change"
	if t.Order >= 0 {
		order = quote(t.Columns[t.Order].Name)
	}
	if s.After != nil {
		if t.Order >= 0 {
			fmt.Fprintf(&b, " AND (%s, change) %s (?, ?)", order, than)
			args = append(args, s.After.Order, int64(s.After.Change))
		} else {
			fmt.Fprintf(&b, " AND change %s ?", than)
			args = append(args, int64(s.After.Change))
		}
	}
	if s.Limit > 0 {
		fmt.Fprintf(&b, " ORDER BY %s %s", order, direction)
		if t.Order >= 0 {
			fmt.Fprintf(&b, ", change %s", direction)
		}
		b.WriteString(" LIMIT ?")
		args = append(args, int64(s.Limit))
	}
	return b.String(), args, nil
}

func (t *Table) condition(w Where) (string, error) {
	var column string
	switch w.Column {
	case KeyColumn:
		column = "key"
	case FromColumn:
		column = "from_leaf"
	default:
		column = quote(t.Columns[w.Column].Name)
	}
	if w.List {
		switch w.Op {
		case "=":
			return "EXISTS (SELECT 1 FROM json_each(" + column + ") WHERE value = ?)", nil
		case "!=":
			return "NOT EXISTS (SELECT 1 FROM json_each(" + column + ") WHERE value = ?)", nil
		case "~":
			return "EXISTS (SELECT 1 FROM json_each(" + column + ") WHERE instr(lower(value), lower(?)) > 0)", nil
		}
		return "", fmt.Errorf("operator %q on the list %s", w.Op, column)
	}
	switch w.Op {
	case "=", "!=", ">", ">=":
		return column + " " + w.Op + " ?", nil
	case "<", "<=":
		if w.NotEmpty {
			return column + " > '' AND " + column + " " + w.Op + " ?", nil
		}
		return column + " " + w.Op + " ?", nil
	case "~":
		return "instr(lower(" + column + "), lower(?)) > 0", nil
	}
	return "", fmt.Errorf("operator %q", w.Op)
}

// scan is where a version is read into.
type scan struct {
	change, kind, from int64
	to                 sql.NullInt64
	key                string
	texts              []string
	integers           []int64
	reals              []float64
	columns            []Column
	into               []any
}

func newScan(t *Table) *scan {
	n := len(t.Columns)
	s := &scan{texts: make([]string, n), integers: make([]int64, n), reals: make([]float64, n), columns: t.Columns}
	s.into = append(make([]any, 0, fixedCount+n), &s.change, &s.key, &s.kind, &s.from, &s.to)
	for i, c := range t.Columns {
		switch c.Type {
		case Integer:
			s.into = append(s.into, &s.integers[i])
		case Real:
			s.into = append(s.into, &s.reals[i])
		default:
			s.into = append(s.into, &s.texts[i])
		}
	}
	return s
}

func (s *scan) version() Version {
	v := Version{Change: uint64(s.change), Key: s.key, Kind: int(s.kind), From: uint64(s.from), Values: make([]any, len(s.columns))}
	for i, c := range s.columns {
		switch c.Type {
		case Integer:
			v.Values[i] = s.integers[i]
		case Real:
			v.Values[i] = s.reals[i]
		default:
			v.Values[i] = s.texts[i]
		}
	}
	return v
}

// each calls f for every version that a query returns.
func (t *Table) each(ctx context.Context, q querier, query string, args []any, f func(Version) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	s := newScan(t)
	for rows.Next() {
		if err := rows.Scan(s.into...); err != nil {
			return explain(err)
		}
		if err := f(s.version()); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}
