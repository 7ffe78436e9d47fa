package verify

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// served finds out, at the end, whether all events that are shown beside those that a
// bundle is about serve these: leaves that the evidence is about rest on them, or they
// bear on their operator or keys.
type served struct {
	others   []otherEvent
	cosigned int               // of them, records of cosigned checkpoints
	speaks   map[string]uint64 // by authority: the last leaf that it signed
	// Of the leaves that the bundle is about:
	operators, facilities, recorders map[string]bool
	keys                             map[events.KeyID]bool
}

// maxRecordedCosigned bounds the records of cosigned checkpoints that a bundle shows and is
// not about: each may take many signatures to check.
const maxRecordedCosigned = 256

type otherEvent struct {
	ref     events.Ref
	subject subjectOf
}

func newServed() *served {
	return &served{
		speaks: map[string]uint64{}, operators: map[string]bool{}, facilities: map[string]bool{}, recorders: map[string]bool{},
		keys: map[events.KeyID]bool{},
	}
}

// add takes a leaf that was checked.
func (s *served) add(l *openedLeaf) error {
	r := l.envelope.Manifest.Recorder
	if r.IsRegistry() {
		s.speaks[r.Owner] = l.index
	}
	if len(l.about) > 0 {
		if r.IsOperator() {
			s.operators[r.Owner], s.facilities[r.Facility], s.recorders[r.String()] = true, true, true
		}
		for _, k := range l.signers {
			s.keys[k.public.ID()] = true
		}
	}
	if len(l.events)+len(l.withheld) == 0 {
		return fmt.Errorf("leaf %d: it shows no event", l.index)
	}
	for _, e := range l.events {
		if events.IsGenesis(e.Type) || l.isAbout(e.ref) {
			continue
		}
		if e.subject.cosigned != nil {
			if s.cosigned++; s.cosigned > maxRecordedCosigned {
				return fmt.Errorf("evidence bundle: it shows more than %d records of cosigned checkpoints that it is not about", maxRecordedCosigned)
			}
		}
		if s.others = append(s.others, otherEvent{e.ref, e.subject}); len(s.others) > MaxSupport {
			return fmt.Errorf("evidence bundle: it shows more than %d events that it is not about", MaxSupport)
		}
	}
	return nil
}

// useless returns the first event that serves nothing, if there is one. last is the last
// leaf that the bundle is about.
func (s *served) useless(last uint64) (events.Ref, bool) {
	for _, o := range s.others {
		var serves bool
		switch before := o.ref.Leaf < last; {
		case o.subject.authority != "":
			serves = s.keys[o.subject.revokes] || s.speaks[o.subject.authority] > o.ref.Leaf
		case o.subject.revokes != "":
			serves = s.keys[o.subject.revokes]
		case o.subject.anchor != nil || o.subject.timestamp != nil:
			serves = before && o.subject.recorded
		case o.subject.cosigned != nil:
			serves = before
		default:
			serves = before && (s.operators[o.subject.operator] || s.facilities[o.subject.facility] || s.recorders[o.subject.recorder])
		}
		if !serves {
			return o.ref, true
		}
	}
	return events.Ref{}, false
}
