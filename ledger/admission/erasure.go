package admission

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// Erasure is what an authority ordered to be erased of a leaf's body.
type Erasure struct {
	events.BodyErased
	By      string `json:"by"`      // the authority
	Ordered uint64 `json:"ordered"` // the leaf that says so
}

// Whole reports whether all events of the body are to be erased.
func (e *Erasure) Whole() bool { return e.Event == nil }

// Erasures returns all that was ever ordered to be erased, in the order of leaves.
func (r *Registry) Erasures() []Erasure { return append([]Erasure(nil), r.erasures...) }

// eraseBody takes an erasure on record. Whether the leaf is the recorder's the registry
// can't tell: who carries it out does.
func (r *Registry) eraseBody(said speech, d events.BodyErased) (func(), *refusal) {
	name, err := events.ParseRecorder(d.Recorder)
	switch {
	case err != nil || !name.IsOperator():
		return nil, refuse("schema", "recorder %q: only what operators said is erased", d.Recorder)
	case d.Leaf < 0 || uint64(d.Leaf) >= said.leaf:
		return nil, refuse("unknown_leaf", "leaf %d doesn't come before this one", d.Leaf)
	}
	before := len(r.erasures)
	r.erasures = append(r.erasures, Erasure{BodyErased: d, By: said.by, Ordered: said.leaf})
	return func() { r.erasures = r.erasures[:before] }, nil
}

// String names what is erased: LEAF/EVENT, or LEAF for all of it.
func (e *Erasure) String() string {
	if e.Whole() {
		return fmt.Sprint(e.Leaf)
	}
	return events.Ref{Leaf: uint64(e.Leaf), Event: int(*e.Event)}.String()
}
