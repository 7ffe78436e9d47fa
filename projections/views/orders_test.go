package views_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/committed"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

// TestOrders takes one order through each of its states, and asks for it as it was.
func TestOrders(t *testing.T) {
	w := viewtest.New(t)
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	var tree committed.Tree
	for range 5 {
		record, err := committed.Salt([]byte("{}"), rand.Reader)
		if err == nil {
			err = tree.Append(committed.Leaf(record))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	root, err := tree.Root()
	if err != nil {
		t.Fatal(err)
	}
	commitment := bastion.Say(viewtest.Said{Type: events.TypeAccessCommitted, Data: events.AccessCommitted{
		Batch: "b-1", Root: root.String(), Count: 5, Totals: []events.ClassTotal{{Class: "read", Count: 5}},
		Window: events.Window{From: events.At(w.Now), To: events.At(w.Now.Add(time.Hour))},
	}})
	order := func(number string, after time.Duration, records ...events.Integer) events.Ref {
		return w.Register(events.TypeProductionOrdered, events.ProductionOrdered{
			Order: number, Recorder: bastion.Name(), Event: events.RefFields{Leaf: events.Integer(commitment.Leaf), Event: events.Integer(commitment.Event)},
			Records: records, Due: events.At(w.Now.Add(after).Truncate(time.Second)), Ground: "inquiry",
		})
	}
	produce := func(number string, asked int, root string, indexes ...int64) events.Ref {
		data := events.AccessProduced{Order: number, Authority: "mcmc", Batch: "b-1", Root: root, Asked: events.Integer(asked), Records: []events.ProducedRecord{}}
		for _, n := range indexes {
			record, err := tree.Prove(n)
			if err != nil {
				t.Fatal(err)
			}
			data.Records = append(data.Records, record)
		}
		return bastion.Say(viewtest.Said{Type: events.TypeAccessProduced, Data: data})
	}
	wrong := events.DigestOf(nil).String()

	said := order("1", time.Hour, 0, 3)
	produce("1", 2, root.String(), 3)
	done := produce("1", 2, root.String(), 0)
	order("2", time.Hour, 1)
	order("3", time.Hour, 1)
	order("4", time.Hour, 1)
	produce("4", 1, wrong, 1)
	produce("nowhere", 1, root.String(), 1)
	before := w.Size()
	w.Pass(2 * time.Hour)
	missing := w.Size()
	produce("3", 1, root.String(), 1)

	replay := w.Replay(views.Orders())
	state := func(at uint64) map[string]views.Order {
		out := map[string]views.Order{}
		for _, row := range viewtest.Rows[views.Order](replay, "orders", at) {
			out[row.Number] = row
		}
		return out
	}
	for _, want := range []struct {
		at     uint64
		states map[string]views.OrderState
	}{
		{before, map[string]views.OrderState{"1": "produced", "2": "open", "3": "open", "4": "mismatch"}},
		{missing, map[string]views.OrderState{"1": "produced", "2": "missing", "3": "missing", "4": "missing"}},
		{0, map[string]views.OrderState{"1": "produced", "2": "missing", "3": "late", "4": "missing"}},
	} {
		rows := state(want.at)
		for number, is := range want.states {
			if rows[number].State != is {
				t.Errorf("at %d order %s is %q, want %q", want.at, number, rows[number].State, is)
			}
		}
	}
	one := state(0)["1"]
	if one.Ref != said || one.Operator != viewtest.Operator || one.Recorder != bastion.Name() || one.Authority != "mcmc" || one.Event != commitment ||
		one.Batch != "b-1" || one.Root != root.String() || one.Asked != 2 || one.Left != 0 || len(one.Answers) != 2 || one.Answers[1] != done ||
		one.Produced.IsZero() || one.Produced.After(one.Due) || len(one.Records) != 2 {
		t.Errorf("order 1 is %+v", one)
	}
	if four := state(0)["4"]; four.Mismatches != 1 || four.Left != 1 {
		t.Errorf("order 4 is %+v", four)
	}
}
