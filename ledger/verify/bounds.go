package verify

import (
	"fmt"
	"math"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// recall takes what the ledger recorded, in a leaf, of what others had signed: the
// leaves after it are later. A signature is known by its digest, or stands in the event
// itself, and nobody knows one before it is made; an entry's index and a time alone could
// be guessed.
func (v *verification) recall(l *openedLeaf) error {
	for _, e := range l.events {
		s := &e.subject
		switch {
		case s.anchor != nil:
			if a := v.anchored[[2]string{s.anchor.Entry, s.anchor.Checkpoint}]; a != nil {
				s.recorded = true
				a.recorded = append(a.recorded, e.ref)
				if a.believed != nil {
					v.isLater(v.anchorBound(a), e.ref)
				}
			}
		case s.timestamp != nil:
			if t := v.stamped[[2]string{s.timestamp.Token, s.timestamp.Checkpoint}]; t != nil {
				s.recorded = true
				t.recorded = append(t.recorded, e.ref)
				if t.believed != nil {
					v.isLater(v.timestampBound(t, t.believed.NotBefore()), e.ref)
				}
			}
		case s.cosigned != nil && v.policy != nil:
			found, err := formats.RecordedCosignatures(v.ledger.Origin, s.cosigned, v.policy.Cosigners())
			if err != nil {
				return fmt.Errorf("event %s: %w", e.ref, err)
			}
			for _, c := range found {
				v.isLater(v.cosignatureBound(c, uint64(s.cosigned.Size)), e.ref)
			}
		}
	}
	return nil
}

// isLater keeps a bound of the leaves after an event: of each who signed, that with the
// latest time, or the latest entry where there is no time.
func (v *verification) isLater(b StatedBound, recorded events.Ref) {
	b.Recorded = &recorded
	for i := range v.later {
		known := &v.later[i]
		if known.Kind != b.Kind || known.By != b.By {
			continue
		}
		if b.Time.After(known.Time) || b.Time.Equal(known.Time) && b.Index > known.Index {
			*known = b
		}
		return
	}
	v.later = append(v.later, b)
}

func (v *verification) anchorBound(a *openedAnchor) StatedBound {
	return StatedBound{
		Kind: ByRekor, By: a.believed.Rekor, Owner: a.believed.Owner, Independent: v.independent(a),
		Time: a.believed.IntegratedTime, Size: a.checkpoint.Size, Index: a.believed.Index,
	}
}

func (v *verification) timestampBound(t *openedTimestamp, at time.Time) StatedBound {
	return StatedBound{Kind: ByAuthority, By: t.by.Name, Owner: t.by.Owner, Independent: v.independentAuthority(t), Time: at, Size: t.checkpoint.Size}
}

// earlierBounds are what bounds the leaves below some size from above. Leaves ascend, so
// that it is worked out anew only when a checkpoint no longer covers them.
type earlierBounds struct {
	begun  bool
	below  uint64 // leaves for which list is right
	list   []StatedBound
	latest *StatedBound // the best of them
}

// bounds returns on which sides of which signatures a leaf stands: those that the ledger
// recorded before it, and those over a checkpoint that covers it.
func (v *verification) bounds(l *openedLeaf) (notBefore, notAfter []StatedBound) {
	if e := &v.earlier; !e.begun || l.index >= e.below {
		*e = earlierBounds{begun: true, below: math.MaxUint64, list: []StatedBound{}}
		covers := func(c *formats.Checkpoint) bool {
			if c.Size <= l.index {
				return false
			}
			e.below = min(e.below, c.Size)
			return true
		}
		for _, a := range v.anchors {
			if a.believed != nil && covers(a.checkpoint) {
				e.list = append(e.list, v.anchorBound(a))
			}
		}
		for _, t := range v.timestamps {
			if t.believed != nil && covers(t.checkpoint) {
				e.list = append(e.list, v.timestampBound(t, t.believed.NotAfter()))
			}
		}
		for _, c := range v.cosigned {
			if covers(c.checkpoint) {
				for _, s := range c.cosignatures {
					e.list = append(e.list, v.cosignatureBound(s, c.checkpoint.Size))
				}
			}
		}
		e.latest = best(e.list, time.Time.Before)
	}
	return v.later, v.earlier.list
}

// interval is what bounds of a leaf come to.
func (v *verification) interval(l *openedLeaf) StatedInterval {
	notBefore, _ := v.bounds(l)
	i := StatedInterval{NotAfter: copied(v.earlier.latest), NotBefore: copied(best(notBefore, time.Time.After))}
	i.Contradicts = i.NotBefore != nil && i.NotAfter != nil && i.NotBefore.Time.After(i.NotAfter.Time)
	received := l.leaf.Received
	i.Outside = i.NotBefore != nil && i.NotBefore.Time.Sub(received) > ClockSlack || i.NotAfter != nil && received.Sub(i.NotAfter.Time) > ClockSlack
	return i
}

// ClockSlack is how far apart two honest clocks are let be.
const ClockSlack = 5 * time.Second

func copied(b *StatedBound) *StatedBound {
	if b == nil {
		return nil
	}
	c := *b
	return &c
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
	if r.Interval.Outside {
		s.open("That the ledger's clock was right when it received leaf %d: what it says is more than %s outside of what the others say.", r.Leaf, ClockSlack)
	}
}

// what says what bounds the leaf.
func (b *StatedBound) what() string {
	switch b.Kind {
	case ByWitness:
		return fmt.Sprintf("the cosignature of the witness %s on the checkpoint of %s", b.By, leafCount(b.Size))
	case ByAuthority:
		return fmt.Sprintf("the timestamp of the authority %s on the checkpoint of %s", b.By, leafCount(b.Size))
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
