package admission

import (
	"cmp"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/events"
)

// Tenant is a customer as the registry knows it: an alias, and the sector that
// supervises whom it stands for.
type Tenant struct {
	Name     string `json:"tenant"`
	Operator string `json:"operator,omitempty"` // whose alias it is; empty: every one's
	Sector   string `json:"sector"`
	Country  string `json:"country,omitempty"`
	Leaf     uint64 `json:"leaf"` // that declared it last
}

// tenantName is an alias, and the operator whose it is; empty for every one's.
type tenantName struct{ operator, alias string }

// declareTenant says of which sector a customer is. Said again, it changes that.
func (r *Registry) declareTenant(d events.TenantDeclared, leaf uint64) (func(), *refusal) {
	if d.Operator != "" && r.operators[d.Operator] == nil {
		return nil, refuse("unknown_operator", "operator %s is not admitted", d.Operator)
	}
	name := tenantName{d.Operator, d.Tenant}
	before := r.tenants[name]
	set(r.tenants, name, &Tenant{Name: d.Tenant, Operator: d.Operator, Sector: d.Sector, Country: d.Country, Leaf: leaf})
	return func() { set(r.tenants, name, before) }, nil
}

// Tenants returns the customers that were declared, by alias and operator.
func (r *Registry) Tenants() []Tenant {
	all := values(r.tenants)
	slices.SortFunc(all, func(a, b Tenant) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Operator, b.Operator)) })
	return all
}

// Tenant returns who an operator's alias stands for, and whether that was declared:
// for this operator, or else for all.
func (r *Registry) Tenant(operator, alias string) (Tenant, bool) {
	t := r.tenants[tenantName{operator, alias}]
	if t == nil {
		t = r.tenants[tenantName{"", alias}]
	}
	if t == nil {
		return Tenant{}, false
	}
	return *t, true
}

// Customers returns the aliases that a mandate which is bounded to customers covers,
// each as OPERATOR/ALIAS, sorted. An alias that was never declared is nobody's, even
// where a mandate names it: whose it is, only its operator knows.
func (r *Registry) Customers(m events.Mandate) []string {
	covered := map[string]bool{}
	for operator := range r.operators {
		for name := range r.tenants {
			if name.operator != "" && name.operator != operator {
				continue
			}
			who, _ := r.Tenant(operator, name.alias)
			full := operator + "/" + name.alias
			// By its bare name, an alias stands for what was declared for all.
			bare := who.Operator == "" && slices.Contains(m.Tenants, name.alias)
			if bare || slices.Contains(m.Tenants, full) || slices.Contains(m.Sectors, who.Sector) {
				covered[full] = true
			}
		}
	}
	list := make([]string, 0, len(covered))
	for full := range covered {
		list = append(list, full)
	}
	slices.SortFunc(list, strings.Compare)
	return list
}
