package verify

import (
	"fmt"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// group adds a leaf to what is said of its recorder.
func (v *verification) group(r *StatedRecord, l *openedLeaf) {
	g := v.grouped[r.Recorder]
	first := g == nil
	if first {
		g = &StatedGroup{Recorder: r.Recorder, First: l.about[0], Interval: r.Interval, ReceivedFrom: r.Received, ReceivedTo: r.Received}
		if v.grouped == nil {
			v.grouped = map[string]*StatedGroup{}
		}
		v.grouped[r.Recorder] = g
		v.groups = append(v.groups, g)
	}
	g.Leaves++
	if r.Interval.Outside {
		g.Outside++
	}
	g.Events += len(l.about)
	g.Withheld += len(l.withheld)
	g.Hidden += r.Count - uint64(len(l.about))
	g.Last = l.about[len(l.about)-1]
	g.Operator, g.Facility, g.Declared = r.Operator, r.Facility, r.Declared
	if r.Received.Before(g.ReceivedFrom) {
		g.ReceivedFrom = r.Received
	}
	if r.Received.After(g.ReceivedTo) {
		g.ReceivedTo = r.Received
	}
	for _, s := range r.Signers {
		if !slices.ContainsFunc(g.Signers, func(known StatedSigner) bool { return known.KeyID == s.KeyID }) {
			g.Signers = append(g.Signers, s)
		}
	}
	if !first {
		g.Interval.NotBefore = wider(g.Interval.NotBefore, r.Interval.NotBefore, time.Time.Before)
		g.Interval.NotAfter = wider(g.Interval.NotAfter, r.Interval.NotAfter, time.Time.After)
		g.Interval.Contradicts = g.Interval.Contradicts || r.Interval.Contradicts
	}
}

// wider returns the bound that holds for both; nil if one has none.
func wider(a, b *StatedBound, before func(x, y time.Time) bool) *StatedBound {
	switch {
	case a == nil || b == nil:
		return nil
	case before(b.Time, a.Time):
		return b
	}
	return a
}

// revocations fills in what came after the leaves that it is about.
func (v *verification) revocations() {
	fill := func(list []StatedSigner) {
		for i := range list {
			if key := v.registry.keys[list[i].KeyID]; key != nil {
				list[i].Revoked = key.revoked
			}
		}
	}
	for i := range v.records {
		fill(v.records[i].Signers)
	}
	for _, g := range v.groups {
		fill(g.Signers)
	}
}

// speakOfGroup says of many leaves of one recorder who signed what, and when it came.
func (s *Statement) speakOfGroup(g *StatedGroup) {
	s.proven("%s said %s on %s, from event %s to event %s.", speaker(g.Recorder), eventCount(g.Events-g.Withheld), leafCount(uint64(g.Leaves)), g.First, g.Last)
	if g.Withheld > 0 {
		s.proven("It said %s more of those that this is about, which are not shown: that they were signed at their places, and not what they say.", eventCount(g.Withheld))
	}
	for _, k := range g.Signers {
		s.speakOfSigner(fmt.Sprintf("Leaves of %s are", g.Recorder), &k)
	}
	if g.Operator != nil {
		s.speakOfRegistry(fmt.Sprintf("the last of them, leaf %d", g.Last.Leaf), g.Operator, g.Facility, g.Declared)
	}
	early, late := g.Interval.NotBefore, g.Interval.NotAfter
	if early != nil {
		s.said("All leaves of %s were received at %s at the earliest, by the word of %s.", g.Recorder, at(early.Time), early.whose())
	} else {
		s.open("When all leaves of %s were received at the earliest: nothing recorded before the first gives a time that the trust file lets be believed.", g.Recorder)
	}
	if late != nil {
		s.said("All leaves of %s were received at %s at the latest, by the word of %s.", g.Recorder, at(late.Time), late.whose())
	} else {
		s.open("When all leaves of %s were received at the latest: nothing that covers the last gives a time that the trust file lets be believed.", g.Recorder)
	}
	if g.Interval.Contradicts {
		s.open("When a leaf of %s was received: of two who bound it one is wrong, as the earliest is later than the latest.", g.Recorder)
	}
	s.said("The ledger says that it received leaves of %s from %s to %s: that is the word of whoever runs it.", g.Recorder, at(g.ReceivedFrom), at(g.ReceivedTo))
	if g.Outside > 0 {
		s.open("That the ledger's clock was right when it received %s of %s: what it says is more than %s outside of what the others say.", leafCount(uint64(g.Outside)), g.Recorder, ClockSlack)
	}
}

// speaker names a recorder at the beginning of a sentence.
func speaker(recorder string) string {
	switch r, _ := events.ParseRecorder(recorder); {
	case r.IsRegistry():
		return "The authority " + r.Owner
	case r.IsLedger():
		return "The ledger itself"
	}
	return "The recorder " + recorder
}

func eventCount(n int) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}
