package findings

import (
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// settled finds nothing: it takes what authorities and operators say of findings. An
// authority acknowledges and resolves those at the facility that it names, which
// admission has held against its mandate; an operator answers those about itself. Of
// findings that are not there nothing is kept.
type settled struct{}

func (settled) name() string                      { return "settled" }
func (settled) states() []projections.Schema      { return nil }
func (settled) due(*findingsWriter, string) error { return nil }

func (settled) leaf(b *findingsWriter, f *projections.Fact, _ *sequence.Step) error {
	for i := range f.Events {
		e := &f.Events[i]
		var err error
		switch d := e.Data.(type) {
		case *events.FindingAcknowledged:
			err = b.settle(d.Finding, d.Facility, e, func(f *Finding) {
				if f.State == Resolved {
					return // what came of it stands
				}
				f.State = Acknowledged
				f.By, f.Note = e.Recorder.Owner, d.Note
			})
		case *events.FindingResolved:
			err = b.settle(d.Finding, d.Facility, e, func(f *Finding) {
				if f.State != Resolved {
					f.State, f.Resolved = Resolved, b.tx.Now()
				}
				f.By, f.Outcome, f.Note = e.Recorder.Owner, string(d.Outcome), d.Note
			})
		case *events.StatementOf[events.ResponseAttested]:
			err = b.answer(&d.Predicate, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settle changes a finding at a facility, if there is one.
func (b *findingsWriter) settle(id, facility string, e *projections.Event, change func(*Finding)) error {
	before, found, err := b.table.Get(b.tx, id)
	if err != nil || !found || before.Facility != facility {
		return err
	}
	now := *before
	change(&now)
	now.Evidence = addEvidence(before.Evidence, e.Ref)
	return b.table.Put(b.tx, id, &now)
}

// answer takes down what an operator says to a finding about itself.
func (b *findingsWriter) answer(r *events.ResponseAttested, e *projections.Event) error {
	before, found, err := b.table.Get(b.tx, r.Finding)
	if err != nil || !found || before.Operator != e.Recorder.Owner {
		return err
	}
	now := *before
	now.Response = string(r.Answer)
	if r.Reason != "" {
		now.Response += ": " + r.Reason
	}
	now.Evidence = addEvidence(before.Evidence, e.Ref)
	return b.table.Put(b.tx, r.Finding, &now)
}
