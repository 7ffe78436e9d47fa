package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/projections"
)

// scope is what a grantee's mandate leaves of a view: conditions that the store
// checks, and, where a list has several names, what is checked row by row.
type scope struct {
	where                 []projections.Condition
	facilities, operators []string
}

func scopeOf(g token.Grantee) scope {
	var s scope
	facilities, operators := g.Scope()
	s.facilities = s.bind("facility", facilities)
	s.operators = s.bind("operator", operators)
	return s
}

func (s *scope) bind(column string, names []string) []string {
	if len(names) == 1 {
		s.where = append(s.where, projections.Condition{Column: column, Op: projections.Equal, Value: names[0]})
	}
	return names
}

// covers tells whether a row of a facility and operator is in scope.
func (s *scope) covers(facility, operator string) bool {
	return (len(s.facilities) == 0 || slices.Contains(s.facilities, facility)) &&
		(len(s.operators) == 0 || slices.Contains(s.operators, operator))
}

// several tells whether rows must be checked one by one.
func (s *scope) several() bool { return len(s.facilities) > 1 || len(s.operators) > 1 }

// maxRounds bounds how often the store is asked for one page of a scope with several
// names. A page may then be short; its cursor goes on from there.
const maxRounds = 20

// rows answers a query within the scope.
func (s *scope) rows(ctx context.Context, store Store, view string, q projections.Query) (projections.Page, error) {
	q.Where = append(slices.Clone(s.where), q.Where...)
	page, err := store.Rows(ctx, view, q)
	if err != nil || !s.several() {
		return page, err
	}
	page.Rows = s.filter(page.Rows)
	for range maxRounds {
		if page.Next == "" || len(page.Rows) >= q.Limit {
			break
		}
		more := q
		more.Cursor, more.Limit = page.Next, q.Limit-len(page.Rows)
		next, err := store.Rows(ctx, view, more)
		if err != nil {
			return page, err
		}
		page.Rows = append(page.Rows, s.filter(next.Rows)...)
		page.Next = next.Next
	}
	return page, nil
}

func (s *scope) filter(rows []projections.Row) []projections.Row {
	return slices.DeleteFunc(rows, func(r projections.Row) bool {
		cells := r.Cells()
		return !s.covers(fmt.Sprint(cells["facility"]), fmt.Sprint(cells["operator"]))
	})
}
