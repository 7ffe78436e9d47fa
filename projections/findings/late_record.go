package findings

import (
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

const (
	// LateAfter is how long after it happened an event may be received.
	LateAfter = 36 * time.Hour
	// lateRun is how long no late event must come before the next begins a finding of
	// its own.
	lateRun = 24 * time.Hour
	// lateShow is how long the finding of a run may lag behind.
	lateShow = time.Hour
)

// lateRecord: events were received long after they happened. Importing an old log
// makes thousands of them, and a supervisor wants one line about that: which recorder,
// how many, how old. So a run of late events, none a day after the one before, is one
// finding. Its row changes when their number has doubled and within the hour, not at
// each leaf. What is late stays so: it is not resolved.
type lateRecord struct {
	runs *projections.State[lateEvents]
}

// lateEvents is the run that a recorder is in.
type lateEvents struct {
	Finding  string
	Recorder string
	Count    uint64
	Shown    uint64 // Count as the finding says it
	Received time.Time
	Worst    time.Duration
	Oldest   time.Time
	Newest   time.Time
	Evidence events.Refs
}

func newLateRecord() lateRecord {
	return lateRecord{projections.NewState[lateEvents]("findings-late")}
}

func (lateRecord) name() string                   { return "late-record" }
func (r lateRecord) states() []projections.Schema { return []projections.Schema{r.runs} }

func (r lateRecord) leaf(b *findingsWriter, f *projections.Fact, s *sequence.Step) error {
	if s == nil {
		return nil
	}
	var late lateEvents
	for i := range f.Events {
		e := &f.Events[i]
		at := TimeOf(e, f)
		by := f.Leaf.Received.Sub(at)
		if by <= LateAfter {
			continue
		}
		if late.Count == 0 {
			late.Oldest, late.Newest = at, at
			late.Evidence = append(late.Evidence, e.Ref)
		}
		late.Count++
		late.Worst = max(late.Worst, by)
		if at.Before(late.Oldest) {
			late.Oldest = at
		}
		if at.After(late.Newest) {
			late.Newest = at
		}
	}
	if late.Count == 0 {
		return nil
	}
	return r.add(b, s.Recorder, late)
}

// add counts late events of a leaf to their recorder's run.
func (r lateRecord) add(b *findingsWriter, recorder events.Recorder, late lateEvents) error {
	name, now := recorder.String(), b.tx.Now()
	run, found, err := r.runs.Get(b.tx, name)
	if err != nil {
		return err
	}
	if found && now.Sub(run.Received) > lateRun {
		if err := r.show(b, run); err != nil {
			return err
		}
		found = false
	}
	if !found {
		run = &lateEvents{
			Finding: fmt.Sprint(b.tx.Leaf()), Recorder: name, Oldest: late.Oldest, Newest: late.Newest,
		}
	}
	run.Count += late.Count
	run.Received = now
	run.Worst = max(run.Worst, late.Worst)
	if late.Oldest.Before(run.Oldest) {
		run.Oldest = late.Oldest
	}
	if late.Newest.After(run.Newest) {
		run.Newest = late.Newest
	}
	run.Evidence = addEvidence(run.Evidence, late.Evidence...)
	if run.Count >= 2*run.Shown {
		if err := r.show(b, run); err != nil {
			return err
		}
		if err := b.tx.Cancel(r.name() + "/" + name); err != nil {
			return err
		}
		return r.runs.Put(b.tx, name, run)
	}
	if run.Count-late.Count == run.Shown {
		if err := b.tx.At(now.Add(lateShow), r.name()+"/"+name); err != nil {
			return err
		}
	}
	return r.runs.Put(b.tx, name, run)
}

// due brings the finding up to date.
func (r lateRecord) due(b *findingsWriter, name string) error {
	run, found, err := r.runs.Get(b.tx, name)
	if err != nil || !found {
		return err
	}
	if err := r.show(b, run); err != nil {
		return err
	}
	return r.runs.Put(b.tx, name, run)
}

func (r lateRecord) show(b *findingsWriter, run *lateEvents) error {
	if run.Shown == run.Count {
		return nil
	}
	run.Shown = run.Count
	recorder, err := events.ParseRecorder(run.Recorder)
	if err != nil {
		return err
	}
	finding := about(r.name(), Low, recorder, run.Finding)
	finding.Subject = run.Oldest.Format(time.DateOnly) + "/" + run.Newest.Format(time.DateOnly)
	finding.Summary = fmt.Sprintf("%d events from %s, of %s to %s, were received up to %s after they happened.",
		run.Count, recorder, moment(run.Oldest), moment(run.Newest), span(run.Worst))
	if run.Count == 1 {
		finding.Summary = fmt.Sprintf("1 event from %s, of %s, was received %s after it happened.", recorder, moment(run.Oldest), span(run.Worst))
	}
	finding.Since, finding.Evidence = run.Oldest.Add(LateAfter), run.Evidence
	return b.raise(finding)
}
