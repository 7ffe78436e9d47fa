package admission

import (
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// Hold is a legal hold that lasts: what it covers is not erased, whatever its
// retention and whoever orders it.
type Hold struct {
	events.HoldPlaced
	By   string `json:"by"`   // the authority that placed it, and alone can release it
	Leaf uint64 `json:"leaf"` // that placed it
}

// HoldTarget is what a hold may cover: something of an operator's, at a facility, received
// at some time, that names some pseudonyms or none.
type HoldTarget struct {
	Operator, Facility string
	Actors             []string
	Received           time.Time
}

// Covers reports whether a hold covers what was said. What the hold leaves open
// bounds nothing; one on pseudonyms doesn't cover what names none.
func (h *Hold) Covers(s HoldTarget) bool {
	within := func(names []string, some ...string) bool {
		return len(names) == 0 || slices.ContainsFunc(some, func(name string) bool { return slices.Contains(names, name) })
	}
	return within(h.Operators, s.Operator) && within(h.Facilities, s.Facility) && within(h.Actors, s.Actors...) &&
		(h.From.IsZero() || !s.Received.Before(h.From.Time)) && (h.To.IsZero() || s.Received.Before(h.To.Time))
}

// Holds returns the holds that last, in the order of their leaves.
func (r *Registry) Holds() []Hold {
	all := values(r.holds)
	slices.SortFunc(all, func(a, b Hold) int {
		if a.Leaf != b.Leaf {
			return int(a.Leaf) - int(b.Leaf)
		}
		return slices.Compare([]string{a.By, a.Hold}, []string{b.By, b.Hold})
	})
	return all
}

// Held returns the first hold that covers what was said, and whether there is one.
func (r *Registry) Held(s HoldTarget) (Hold, bool) {
	for _, h := range r.Holds() {
		if h.Covers(s) {
			return h, true
		}
	}
	return Hold{}, false
}

// placeHold places a hold, or says anew what one of that number covers.
func (r *Registry) placeHold(said speech, d events.HoldPlaced) (func(), *refusal) {
	name := holdName{said.by, d.Hold}
	before := r.holds[name]
	set(r.holds, name, &Hold{HoldPlaced: d, By: said.by, Leaf: said.leaf})
	return func() { set(r.holds, name, before) }, nil
}

// releaseHold ends a hold. Whoever placed it releases it.
func (r *Registry) releaseHold(by, number string) (func(), *refusal) {
	name := holdName{by, number}
	before := r.holds[name]
	if before == nil {
		return nil, refuse("unknown_hold", "%s has placed no hold %.128q, or has released it", by, number)
	}
	set(r.holds, name, nil)
	return func() { set(r.holds, name, before) }, nil
}
