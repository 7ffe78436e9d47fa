package views_test

import (
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

// TestReveals: what an authority reads of a person is a row of the operator's.
func TestReveals(t *testing.T) {
	w := viewtest.New(t)
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	said := bastion.Say(viewtest.Performed(""), viewtest.Performed(""))
	word := w.Register(events.TypeDisclosureRevealed, events.DisclosureRevealed{
		Recorder: bastion.Name(), Kind: events.RevealedDisclosure, Actor: "p-1", Ground: "inquiry", Order: "7/2026",
		Events: []events.RefFields{{Leaf: events.Integer(said.Leaf)}, {Leaf: events.Integer(said.Leaf), Event: 1}},
	})
	w.Register(events.TypeDisclosureRevealed, events.DisclosureRevealed{
		Recorder: bastion.Name(), Kind: events.RevealedSealed, Events: []events.RefFields{{Leaf: events.Integer(said.Leaf)}}, Ground: "supervision",
	})
	rows := viewtest.Rows[views.Reveal](w.Replay(views.Reveals()), "reveals", 0)
	if len(rows) != 2 {
		t.Fatalf("%d reveals: %+v", len(rows), rows)
	}
	for _, row := range rows {
		switch {
		case row.Operator != viewtest.Operator || row.Recorder != bastion.Name() || row.Facility != bastion.Next().Recorder.Facility || row.Authority == "":
			t.Errorf("whose it is: %+v", row)
		case row.Ref == word && (row.What != "disclosure" || row.Actor != "p-1" || row.Ground != "inquiry" || row.Order != "7/2026" || len(row.Events) != 2 || row.Events[1].Event != 1):
			t.Errorf("what was said: %+v", row)
		case row.Ref != word && (row.What != "sealed" || row.Actor != ""):
			t.Errorf("the sealed one: %+v", row)
		}
	}
}
