package views_test

import (
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

func TestCompleteness(t *testing.T) {
	w := viewtest.New(t)
	start := w.Now
	r := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, day)
	silent := w.Size()
	r.Say(viewtest.Performed("").Ago(w.Now, 10*time.Second), viewtest.Performed("").Ago(w.Now, 2*time.Second))
	fine := w.Size()
	held := r.Seal(viewtest.Performed(""))
	fork := *r.Next()
	r.Say(viewtest.Performed("").Ago(w.Now, -4*time.Second))
	lacking := w.Size()
	held.Send()
	whole := w.Size()
	after := *r.Next()
	*r.Next() = fork
	r.Say(viewtest.Performed("").Ago(w.Now, 40*time.Hour))
	*r.Next() = after
	w.Refuse("events.nimbus-my.lab-1.bastion-1", "nonsense")
	w.Refuse("events.nimbus-my.lab-1.nobody", "nonsense")
	w.Pass(26 * time.Hour)
	overdue := w.Size()
	r.Say(r.Attest(start, start.Add(day), 1))

	replay := w.Replay(views.Completeness())
	for _, point := range []struct {
		name string
		size uint64
		want views.RecorderAccount
	}{
		{"silent", silent, views.RecorderAccount{Grade: "silent", NextDue: start.Add(day)}},
		{"fine", fine, views.RecorderAccount{
			Grade: "transport", Incarnation: 1, Last: 2, Events: 2, Envelopes: 1, LastReceived: start, NextDue: start.Add(day), LagSeconds: 2, MaxLagSeconds: 10,
		}},
		{"lacking", lacking, views.RecorderAccount{
			Grade: "broken", Incarnation: 1, Last: 4, Events: 3, Envelopes: 2, Gaps: 1, Missing: 1, LastReceived: start, NextDue: start.Add(day),
			LagSeconds: -4, MaxLagSeconds: 10, AheadSeconds: 4,
		}},
		{"whole", whole, views.RecorderAccount{
			Grade: "transport", Incarnation: 1, Last: 4, Events: 4, Envelopes: 3, Gaps: 1, LastReceived: start, NextDue: start.Add(day),
			MaxLagSeconds: 10, AheadSeconds: 4,
		}},
		{"overdue", overdue, views.RecorderAccount{
			Grade: "broken", Incarnation: 1, Last: 4, Events: 5, Envelopes: 4, Gaps: 1, Contradictions: 1, Rejected: 1, LastReceived: start, NextDue: start.Add(day), Overdue: true,
			LagSeconds: 40 * 3600, MaxLagSeconds: 40 * 3600, AheadSeconds: 4, Late: 1,
		}},
		{"attested", 0, views.RecorderAccount{
			Grade: "broken", Incarnation: 1, Last: 5, Events: 6, Envelopes: 5, Gaps: 1, Contradictions: 1, Rejected: 1, LastReceived: w.Now,
			AttestedUntil: start.Add(day), NextDue: start.Add(2 * day), MaxLagSeconds: 40 * 3600, AheadSeconds: 4, Late: 1,
		}},
	} {
		rows := viewtest.Rows[views.RecorderAccount](replay, "completeness", point.size)
		if len(rows) != 1 {
			t.Fatalf("%s: %d recorders, want 1: %+v", point.name, len(rows), rows)
		}
		got, want := rows[0], point.want
		if len(got.Evidence) == 0 {
			t.Errorf("%s: no evidence", point.name)
		}
		got.Evidence = nil
		want.Recorder, want.Facility, want.Operator = r.Name(), viewtest.Facility, viewtest.Operator
		want.RecorderKind, want.AttestEvery = "bastion", int64(day/time.Second)
		if gotText, wantText := text(t, got), text(t, want); gotText != wantText {
			t.Errorf("%s: got\n%s\nwant\n%s", point.name, gotText, wantText)
		}
	}
}
