package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/projections/store"
)

// statement is a query that is being written, and its parameters. Nothing of what was
// asked for stands in the text but the names of columns, which are the layout's, and
// operators.
type statement struct {
	strings.Builder
	args []any
}

// filtered returns the statement that selects what of the versions that satisfy a
// filter, which was checked. If upTo isn't 0, it is the last change that can be visible:
// so early a one that looking through all before it is less than skipping all after it.
func filtered(t *store.Table, q *store.Filter, upTo uint64, what string) (*statement, error) {
	b := new(statement)
	fmt.Fprintf(b, "SELECT %s FROM %s ", what, quote(t.Name))
	if upTo > 0 {
		b.WriteString("NOT INDEXED WHERE change <= ? AND ")
		b.args = append(b.args, int64(upTo))
	} else {
		b.WriteString("WHERE ")
	}
	if q.Newest {
		fmt.Fprintf(b, "to_leaf IS NULL AND kind <> %d", store.Ended)
	} else {
		b.WriteString("from_leaf < ? AND (to_leaf IS NULL OR to_leaf >= ?)")
		fmt.Fprintf(b, " AND kind <> %d", store.Ended)
		b.args = append(b.args, int64(q.AsOf), int64(q.AsOf))
	}
	for _, w := range q.Where {
		b.WriteString(" AND " + condition(t, w))
		b.args = append(b.args, w.Value)
	}
	for _, a := range q.Within {
		names := make([]string, len(a.Columns))
		for i, c := range a.Columns {
			names[i] = quote(t.Columns[c].Name)
		}
		values, err := json.Marshal(a.Values)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(b, " AND (%s) IN (SELECT value FROM json_each(?))", strings.Join(names, " || '/' || "))
		b.args = append(b.args, string(values))
	}
	return b, nil
}

// page adds order, beginning and limit.
func (b *statement) page(t *store.Table, s *store.Select) {
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
			fmt.Fprintf(b, " AND (%s, change) %s (?, ?)", order, than)
			b.args = append(b.args, s.After.Order, int64(s.After.Change))
		} else {
			fmt.Fprintf(b, " AND change %s ?", than)
			b.args = append(b.args, int64(s.After.Change))
		}
	}
	fmt.Fprintf(b, " ORDER BY %s %s", order, direction)
	if t.Order >= 0 {
		fmt.Fprintf(b, ", change %s", direction)
	}
	b.WriteString(" LIMIT ?")
	b.args = append(b.args, int64(s.Limit))
}

func condition(t *store.Table, w store.Where) string {
	column := "key"
	switch {
	case w.Column == store.FromColumn:
		column = "from_leaf"
	case w.Column >= 0:
		column = quote(t.Columns[w.Column].Name)
		if t.Columns[w.Column].Type == store.List {
			return listCondition(column, w.Op)
		}
	}
	switch {
	case w.Op == store.Contains:
		return "instr(lower(" + column + "), lower(?)) > 0"
	case w.NotEmpty && (w.Op == store.Less || w.Op == store.LessOrEqual):
		return column + " > '' AND " + column + " " + string(w.Op) + " ?"
	}
	return column + " " + string(w.Op) + " ?"
}

func listCondition(column string, op store.Op) string {
	elements := "EXISTS (SELECT 1 FROM json_each(" + column + ") WHERE "
	switch op {
	case store.NotEqual:
		return "NOT " + elements + "value = ?)"
	case store.Contains:
		return elements + "instr(lower(value), lower(?)) > 0)"
	}
	return elements + "value = ?)"
}

// grouped returns what versions are grouped by before a [store.Counter] does the rest:
// times are cut to the day, or to the minute where days aren't UTC's. No zone has begun
// a day within a minute since 1973.
func grouped(t *store.Table, by store.By) string {
	column := quote(t.Columns[by.Column].Name)
	switch {
	case by.Bucket.Unit == "":
		return column
	case by.Bucket.Zone == nil || by.Bucket.Zone == time.UTC:
		return "CASE " + column + " WHEN '' THEN '' ELSE substr(" + column + ", 1, 10) || 'T00:00:00.000000000Z' END"
	}
	return "CASE WHEN " + column + " < '1973' THEN " + column + " ELSE substr(" + column + ", 1, 16) || ':00.000000000Z' END"
}

// scan is where a version is read into.
type scan struct {
	change, kind, from int64
	to                 sql.NullInt64
	key                string
	texts              []string
	integers           []int64
	reals              []float64
	columns            []store.Column
	into               []any
}

func newScan(t *store.Table) *scan {
	n := len(t.Columns)
	s := &scan{texts: make([]string, n), integers: make([]int64, n), reals: make([]float64, n), columns: t.Columns}
	s.into = append(make([]any, 0, fixedCount+n), &s.change, &s.key, &s.kind, &s.from, &s.to)
	for i, c := range t.Columns {
		switch c.Type {
		case store.Integer:
			s.into = append(s.into, &s.integers[i])
		case store.Real:
			s.into = append(s.into, &s.reals[i])
		default:
			s.into = append(s.into, &s.texts[i])
		}
	}
	return s
}

func (s *scan) version() store.Version {
	v := store.Version{Change: uint64(s.change), Key: s.key, Kind: int(s.kind), From: uint64(s.from), Values: make([]any, len(s.columns))}
	for i, c := range s.columns {
		switch c.Type {
		case store.Integer:
			v.Values[i] = s.integers[i]
		case store.Real:
			v.Values[i] = s.reals[i]
		default:
			v.Values[i] = s.texts[i]
		}
	}
	return v
}

// each calls f for every version that a query returns.
func each(ctx context.Context, t *store.Table, q querier, query string, args []any, f func(store.Version) error) error {
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
