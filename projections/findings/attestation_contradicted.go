package findings

import (
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

const (
	// borderSlack is how near to the borders of a period events are not held against
	// an attestation: clocks differ, and what happens at midnight is recorded after it.
	borderSlack = 5 * time.Minute
	// maxPeriods is how many periods attested that don't adjoin are remembered, and how
	// many attestations wait for numbers that they name.
	maxPeriods = 8
)

// attestationContradicted: a recorder swore that this is all there was, and what was
// received says otherwise: in the numbers that it names, in their count, in the last
// manifest, in events of that time which it leaves out, or which it says afterwards.
// It is resolved only where all that was wrong is that numbers were missing, and they
// arrive.
//
// Whether an event of a period is one that happened or one that was recorded in it,
// attestations differ: a count is right if it is either.
type attestationContradicted struct {
	sworn *projections.State[sworn]
}

// sworn is what a recorder has attested.
type sworn struct {
	Incarnation uint64
	Last        uint64     // highest number attested, of Incarnation
	Own         uint64     // the newest attestation's own number
	Ref         events.Ref // of the newest attestation
	Periods     []period   // in the order of their ends, the last ones
	Waiting     []waiting  // attestations of which numbers are missing
	After       uint64     // events said after Ref of time that was attested
}

type period struct{ From, To time.Time }

type waiting struct {
	Finding                  string
	Incarnation, First, Last uint64
}

func newAttestationContradicted() attestationContradicted {
	return attestationContradicted{projections.NewState[sworn]("findings-sworn")}
}

func (attestationContradicted) name() string { return "attestation-contradicted" }
func (r attestationContradicted) states() []projections.Schema {
	return []projections.Schema{r.sworn}
}
func (attestationContradicted) due(*findingsWriter, string) error { return nil }

func (r attestationContradicted) leaf(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	if s == nil {
		return nil
	}
	if err := r.compare(b, f, s); err != nil {
		return err
	}
	for i := range f.Events {
		e := &f.Events[i]
		if data, ok := e.Data.(*events.Statement); ok {
			if err := r.attested(b, f, e, s, &data.Predicate); err != nil {
				return err
			}
		}
	}
	return nil
}

// compare holds what comes against what was attested before.
func (r attestationContradicted) compare(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	name := s.Recorder.String()
	before, found, err := r.sworn.Get(b.tx, name)
	if err != nil || !found {
		return err
	}
	changed := false
	if len(s.Filled) > 0 {
		if changed, err = r.arrived(b, s, before); err != nil {
			return err
		}
	}
	var late events.Refs
	for i := range f.Events {
		e := &f.Events[i]
		if e.Type == events.TypeAttestationPeriod || s.Incarnation == before.Incarnation && e.Sequence <= max(before.Last, before.Own) {
			continue
		}
		if before.covers(TimeOf(e, f)) {
			late = append(late, e.Ref)
		}
	}
	if len(late) > 0 {
		before.After += uint64(len(late))
		changed = true
		finding := about(r.name(), High, s.Recorder, before.Ref.String()+"/after")
		finding.Subject = "attested in " + before.Ref.String()
		finding.Summary = fmt.Sprintf("After %s had attested that all until %s was said, in leaf %d, it said %s of that time, most lately in leaf %d.",
			s.Recorder, moment(before.Periods[len(before.Periods)-1].To), before.Ref.Leaf, many(before.After, "event"), f.Index)
		finding.Since = f.Leaf.Received
		finding.Evidence = append(events.Refs{before.Ref}, late...)
		if err := b.raise(finding); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return r.sworn.Put(b.tx, name, before)
}

// arrived resolves findings about attestations whose numbers have all come.
func (r attestationContradicted) arrived(b *findingsWriter, s *sequence.Step, before *sworn) (changed bool, err error) {
	var still []waiting
	for _, w := range before.Waiting {
		missing, err := b.tracker.Missing(b.tx, s.Recorder, w.Incarnation, w.First, w.Last)
		if err != nil {
			return false, err
		}
		if missing > 0 {
			still = append(still, w)
			continue
		}
		changed = true
		err = b.resolve(w.Finding, fmt.Sprintf("%s attested %s before all of them had come; they have since.",
			s.Recorder, numbers(w.First, w.Last)), s.Ref)
		if err != nil {
			return false, err
		}
	}
	before.Waiting = still
	return changed, nil
}

// attested holds an attestation against what came before it.
func (r attestationContradicted) attested(b *findingsWriter, f *projections.Fact, e *projections.Event, s *sequence.Step, a *events.PeriodAttested) error {
	recorder, ok := Attested(e, a)
	if !ok {
		return nil
	}
	name := recorder.String()
	before, found, err := r.sworn.Get(b.tx, name)
	if err != nil {
		return err
	}
	if !found {
		before = &sworn{}
	}
	c := claim{
		PeriodAttested: a, ref: e.Ref, recorder: recorder,
		from: a.From.UTC(), to: a.To.UTC(), own: events.MaxSequence,
	}
	if incarnation := uint64(a.Incarnation); incarnation == before.Incarnation {
		c.after = before.Last
	}
	if recorder == s.Recorder && uint64(a.Incarnation) == s.Incarnation {
		c.own = e.Sequence
	}
	wrong, missing, evidence, err := c.check(b)
	if err != nil {
		return err
	}
	finding := about(r.name(), High, recorder, e.Ref.String())
	if len(wrong) > 0 {
		finding.Subject = moment(c.from) + "/" + moment(c.to)
		finding.Summary = fmt.Sprintf("The attestation of %s in leaf %d for %s to %s is contradicted by what was received: %s.",
			recorder, f.Index, moment(c.from), moment(c.to), strings.Join(wrong, "; "))
		finding.Since = f.Leaf.Received
		finding.Evidence = append(events.Refs{e.Ref}, evidence...)
		if err := b.raise(finding); err != nil {
			return err
		}
	}
	if missing && len(wrong) == 1 {
		before.Waiting = append(before.Waiting, waiting{finding.ID, uint64(a.Incarnation), uint64(a.First), uint64(a.Last)})
		before.Waiting = before.Waiting[max(0, len(before.Waiting)-maxPeriods):]
	}
	before.swear(c)
	return r.sworn.Put(b.tx, name, before)
}

// swear takes in an attestation.
func (s *sworn) swear(c claim) {
	if incarnation := uint64(c.Incarnation); incarnation != s.Incarnation {
		s.Incarnation, s.Last, s.Own = incarnation, 0, 0
	}
	// Numbers past the attestation itself are not sworn to, whatever it says; of a
	// period without events, all up to it are.
	last := min(uint64(c.Last), c.own)
	if c.own < events.MaxSequence {
		s.Own = max(s.Own, c.own)
		if last == 0 {
			last = c.own
		}
	}
	s.Last = max(s.Last, last)
	s.Ref, s.After = c.ref, 0
	if !c.from.Before(c.to) {
		return
	}
	if n := len(s.Periods); n > 0 && !c.from.After(s.Periods[n-1].To) && !c.from.Before(s.Periods[n-1].From) {
		if c.to.After(s.Periods[n-1].To) {
			s.Periods[n-1].To = c.to
		}
		return
	}
	s.Periods = append(s.Periods, period{c.from, c.to})
	s.Periods = s.Periods[max(0, len(s.Periods)-maxPeriods):]
}

// covers reports whether a moment lies well within a period attested.
func (s *sworn) covers(at time.Time) bool {
	for _, p := range s.Periods {
		if !at.Before(p.From.Add(borderSlack)) && at.Before(p.To.Add(-borderSlack)) {
			return true
		}
	}
	return false
}
