package views_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

// TestCorrections: an operator replaces and withdraws events of its own, and none of
// another's. What was wrong stays where it was.
func TestCorrections(t *testing.T) {
	w := viewtest.New(t)
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	stranger := w.Recorder(viewtest.Landlord, "bastion-1", events.RecorderBastion, 0)
	bastion.Say(viewtest.Performed(""), viewtest.Performed(""))
	event := func(r *viewtest.Recorder, id string) events.EventReference {
		return events.EventReference{Recorder: r.Name(), ID: id, Digest: events.DigestOf([]byte(id)).String()}
	}
	say := func(r *viewtest.Recorder, d events.CorrectionAttested) {
		r.Say(viewtest.Said{Type: events.TypeAttestationCorrection, Data: d.Statement()})
	}
	say(bastion, events.Replacing(event(bastion, "1"), event(bastion, "2"), "wrong_actor", viewtest.Engineer()))
	say(bastion, events.Withdrawing(event(bastion, "2"), "test_run", viewtest.Engineer()))
	say(stranger, events.Withdrawing(event(bastion, "1"), "not_theirs", viewtest.Engineer()))
	say(bastion, events.Replacing(event(bastion, "1"), event(stranger, "1"), "not_theirs", viewtest.Engineer()))

	replay := w.Replay(views.Corrections(), views.Touches())
	rows := viewtest.Rows[views.Correction](replay, "corrections", 0)
	if len(rows) != 2 {
		t.Fatalf("%d corrections: %+v", len(rows), rows)
	}
	for _, row := range rows {
		switch {
		case row.Event == "1" && row.Action == "replaced" && row.ByEvent == "2" && row.Reason == "wrong_actor":
		case row.Event == "2" && row.Action == "withdrawn" && row.ByEvent == "" && row.Facility == bastion.Next().Recorder.Facility:
		default:
			t.Errorf("%+v", row)
		}
	}
	if touches := viewtest.Rows[views.Touch](replay, "touches", 0); len(touches) != 2 || touches[0].ID == "" {
		t.Errorf("%d touches: %+v", len(touches), touches)
	}
}
