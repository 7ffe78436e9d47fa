package api

import (
	"net/http"
	"slices"

	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/projections"
)

// scope is what a grantee's mandate leaves of one view: conditions on its rows that
// the store checks, so that of what it leaves out not even the number shows.
type scope []projections.Among

// visible tells whether a grantee's mandate leaves anything of a view: it must have the
// family that its rows tell of, and where it is bounded to customers they must be
// each one customer's.
func (v viewInfo) visible(g token.Grantee) bool {
	family := v.Family
	if family == "" {
		family = noFamily
	}
	return g.HasFamily(family) && (!g.ToCustomers() || v.Tenant != "")
}

// noFamily is a family that no mandate names.
const noFamily = "-"

// scopeOf returns what g's mandate leaves of a view; a problem if it leaves nothing.
func scopeOf(g token.Grantee, v viewInfo) (scope, error) {
	if err := mayView(g); err != nil {
		return nil, err
	}
	if !v.visible(g) {
		return nil, problem(http.StatusForbidden, "the mandate doesn't cover the view %s", v.Name)
	}
	var s scope
	for _, b := range g.Scope() {
		if len(b.Facilities) > 0 {
			s = append(s, projections.Among{Columns: []string{"facility"}, Values: b.Facilities})
		}
		if len(b.Operators) > 0 {
			s = append(s, projections.Among{Columns: []string{"operator"}, Values: b.Operators})
		}
		if b.Customers != nil {
			s = append(s, projections.Among{Columns: []string{"operator", v.Tenant}, Values: b.Customers})
		}
	}
	return s, nil
}

// covers tells whether a row is in scope, by its texts.
func (s scope) covers(text func(column string) string) bool {
	for _, a := range s {
		value := ""
		for i, column := range a.Columns {
			if i > 0 {
				value += "/"
			}
			value += text(column)
		}
		if !slices.Contains(a.Values, value) {
			return false
		}
	}
	return true
}
