package views

import (
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// Correction is an operator's word that an event of its own was wrong. The wrong event
// stays wherever it is shown, and so does the one that says it rightly; this joins
// them, by the ids and digests of both. Its key is Ref: an event that is corrected
// twice is here twice, and so is one that isn't in the ledger.
type Correction struct {
	Ref      events.Ref `col:"ref" json:"ref" doc:"the attestation: LEAF/EVENT"`
	Time     time.Time  `col:"time" json:"time" doc:"when it was attested, as the recorder says"`
	Received time.Time  `col:"received,order" json:"received" doc:"when the ledger's stream received it"`
	Operator string     `col:"operator,index" json:"operator" doc:"whose"`
	Facility string     `col:"facility,index" json:"facility" doc:"where the wrong event says it was"`

	Recorder string `col:"recorder,index" json:"recorder" doc:"that said the wrong event"`
	Event    string `col:"event,index" json:"event" doc:"the wrong event's id"`
	Digest   string `col:"digest" json:"digest" doc:"of the wrong event's line"`
	Action   string `col:"action" json:"action" doc:"replaced or withdrawn"`

	ByRecorder string `col:"by.recorder" json:"by.recorder" doc:"that says it rightly; empty where it is withdrawn"`
	ByEvent    string `col:"by.event,index" json:"by.event" doc:"the right event's id"`
	ByDigest   string `col:"by.digest" json:"by.digest" doc:"of the right event's line"`

	Reason   string      `col:"reason" json:"reason" doc:"why it was wrong"`
	Approver string      `col:"approver.id" json:"approver.id" doc:"who approved the correction: a pseudonym"`
	Evidence events.Refs `col:"evidence" json:"evidence" doc:"the attestation"`
}

// Corrections returns the view of what operators have taken back or said anew.
func Corrections() *projections.View {
	rows := projections.NewTable[Correction]("corrections")
	return &projections.View{
		Name: "corrections", Version: 1, Title: "What operators have corrected: the mistaken and the right",
		// A correction names an event and not whom it touched: a customer finds it in its
		// touches, which say by what they were corrected.
		Family: events.FamilyAttestation,
		Reads:  []string{events.TypeAttestationCorrection}, Tables: []projections.Schema{rows},
		Leaf: func(tx *projections.Tx, f *projections.Fact) error {
			for i := range f.Events {
				e := &f.Events[i]
				d, ok := e.Data.(*events.StatementOf[events.CorrectionAttested])
				if !ok {
					continue
				}
				row, ok := correction(f, e, &d.Predicate)
				if !ok {
					continue
				}
				if err := rows.Append(tx, e.Ref.String(), row); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// correction refuses what is said of another operator's events: they are not its to
// correct.
func correction(f *projections.Fact, e *projections.Event, d *events.CorrectionAttested) (*Correction, bool) {
	wrong, err := events.ParseRecorder(d.Event.Recorder)
	if err != nil || wrong.Owner != e.Recorder.Owner {
		return nil, false
	}
	row := &Correction{
		Ref: e.Ref, Time: timeOf(e, f), Received: f.Leaf.Received, Operator: wrong.Owner, Facility: wrong.Facility,
		Recorder: d.Event.Recorder, Event: d.Event.ID, Digest: d.Event.Digest, Action: string(d.Action),
		Reason: d.Reason, Approver: d.Approver.ID, Evidence: events.Refs{e.Ref},
	}
	if d.By != nil {
		right, err := events.ParseRecorder(d.By.Recorder)
		if err != nil || right.Owner != e.Recorder.Owner {
			return nil, false
		}
		row.ByRecorder, row.ByEvent, row.ByDigest = d.By.Recorder, d.By.ID, d.By.Digest
	}
	return row, true
}
