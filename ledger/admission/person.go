package admission

import (
	"slices"

	"github.com/saksi-ledger/saksi/events"
)

// PersonErasure is an order that nothing is to tell any more what a pseudonym stood for.
type PersonErasure struct {
	events.DisclosureErased
	By   string `json:"by"`   // the authority
	Leaf uint64 `json:"leaf"` // that says so
}

// Covers reports whether the order is about an operator's pseudonym at a facility.
func (p *PersonErasure) Covers(operator, facility, actor string) bool {
	return p.Operator == operator && p.Actor == actor && (len(p.Facilities) == 0 || slices.Contains(p.Facilities, facility))
}

// PersonErasures returns all that were ever ordered, in the order of leaves.
func (r *Registry) PersonErasures() []PersonErasure { return slices.Clone(r.persons) }

func (r *Registry) erasePerson(said speech, d events.DisclosureErased) (func(), *refusal) {
	if r.operators[d.Operator] == nil {
		return nil, refuse("unknown_operator", "operator %s is not admitted", d.Operator)
	}
	before := len(r.persons)
	r.persons = append(r.persons, PersonErasure{DisclosureErased: d, By: said.by, Leaf: said.leaf})
	return func() { r.persons = r.persons[:before] }, nil
}
