package verify

import (
	"fmt"
	"time"
)

// bounds returns on which sides of which signatures a leaf stands: those over a
// checkpoint that covers it, and those that the ledger recorded before it. Nobody knows
// a signature before it is made.
func (v *verification) bounds(l *openedLeaf) (notBefore, notAfter []StatedBound) {
	notBefore, notAfter = []StatedBound{}, []StatedBound{}
	for _, a := range v.anchors {
		if a.believed == nil {
			continue
		}
		bound := StatedBound{
			Kind: ByRekor, By: a.believed.Rekor, Owner: a.believed.Owner, Independent: v.independent(a),
			Time: a.believed.IntegratedTime, Size: a.checkpoint.Size, Index: a.believed.Index,
		}
		if a.checkpoint.Size > l.index {
			notAfter = append(notAfter, bound)
		} else if recordedBefore(a.recorded, l) {
			bound.Recorded = &a.recorded[0]
			notBefore = append(notBefore, bound)
		}
	}
	for _, t := range v.timestamps {
		if t.believed == nil {
			continue
		}
		bound := StatedBound{Kind: ByAuthority, By: t.by.Name, Owner: t.by.Owner, Independent: v.independentAuthority(t), Size: t.checkpoint.Size}
		if t.checkpoint.Size > l.index {
			bound.Time = t.believed.NotAfter()
			notAfter = append(notAfter, bound)
		} else if recordedBefore(t.recorded, l) {
			bound.Time, bound.Recorded = t.believed.NotBefore(), &t.recorded[0]
			notBefore = append(notBefore, bound)
		}
	}
	for _, c := range v.cosigned {
		if c.checkpoint.Size <= l.index {
			continue
		}
		for _, s := range c.cosignatures {
			notAfter = append(notAfter, v.cosignatureBound(s, c.checkpoint.Size))
		}
	}
	for i := range v.witnessed {
		r := &v.witnessed[i]
		if r.ref.Leaf < l.index {
			bound := v.cosignatureBound(r.cosignature, r.size)
			bound.Recorded = &r.ref
			notBefore = append(notBefore, bound)
		}
	}
	return notBefore, notAfter
}

// intervalOf returns what bounds come to.
func intervalOf(notBefore, notAfter []StatedBound) StatedInterval {
	i := StatedInterval{NotBefore: best(notBefore, time.Time.After), NotAfter: best(notAfter, time.Time.Before)}
	i.Contradicts = i.NotBefore != nil && i.NotAfter != nil && i.NotBefore.Time.After(i.NotAfter.Time)
	return i
}

// best returns the bound that says most of those with a time; an independent one
// goes before any other.
func best(bounds []StatedBound, better func(a, b time.Time) bool) *StatedBound {
	var found *StatedBound
	for i := range bounds {
		b := &bounds[i]
		if b.Time.IsZero() {
			continue
		}
		if found == nil || b.Independent && !found.Independent || b.Independent == found.Independent && better(b.Time, found.Time) {
			found = b
		}
	}
	return found
}

// speakOfTime says between which moments a leaf was received, and by whose word.
func (s *Statement) speakOfTime(r *StatedRecord) {
	for _, b := range r.NotBefore {
		s.proven("Leaf %d is later than %s, which the ledger recorded in event %s.", r.Leaf, b.what(), b.Recorded)
	}
	for _, b := range r.NotAfter {
		s.proven("Leaf %d is earlier than %s, which covers it.", r.Leaf, b.what())
	}
	early, late := r.Interval.NotBefore, r.Interval.NotAfter
	if early != nil {
		s.said("So it was received at %s at the earliest, by the word of %s.", at(early.Time), early.whose())
	} else {
		s.open("When leaf %d was received at the earliest: nothing recorded before it gives a time that the trust file lets be believed.", r.Leaf)
	}
	if late != nil {
		s.said("So it was received at %s at the latest, by the word of %s.", at(late.Time), late.whose())
	} else {
		s.open("When leaf %d was received at the latest: nothing that covers it gives a time that the trust file lets be believed.", r.Leaf)
	}
	if r.Interval.Contradicts {
		s.open("When leaf %d was received: of these two one is wrong, as the earliest is later than the latest.", r.Leaf)
	}
	s.said("The ledger says that it received leaf %d at %s: that is the word of whoever runs it.", r.Leaf, at(r.Received))
}

// what says what bounds the leaf.
func (b *StatedBound) what() string {
	switch b.Kind {
	case ByWitness:
		return fmt.Sprintf("the cosignature of the witness %s on the checkpoint of %s", b.By, leaves(b.Size))
	case ByAuthority:
		return fmt.Sprintf("the timestamp of the authority %s on the checkpoint of %s", b.By, leaves(b.Size))
	default:
		return fmt.Sprintf("entry %d of the Rekor %s", b.Index, b.By)
	}
}

// whose says by whose word its time is.
func (b *StatedBound) whose() string {
	who := "the Rekor " + b.By
	switch b.Kind {
	case ByWitness:
		who = "the witness " + b.By
	case ByAuthority:
		who = "the timestamp authority " + b.By
	}
	if !b.Independent {
		who += ", which is not independent"
	}
	return who
}
