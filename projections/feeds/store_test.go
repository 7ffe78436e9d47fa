package feeds_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/feeds"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
)

// seen is a row of the views below: kept by the engine itself.
type seen struct {
	Facility string      `col:"facility,index" json:"facility"`
	Operator string      `col:"operator" json:"operator"`
	Seq      uint64      `col:"seq,order" json:"seq"`
	Evidence events.Refs `col:"evidence" json:"evidence"`
}

// leafViews make rows of leaves alone: "touches" one for each, "sessions" one that
// begins, changes and ends every three leaves.
func leafViews() []*projections.View {
	touches, sessions := projections.NewTable[seen]("touches"), projections.NewTable[seen]("sessions")
	rowOf := func(f *projections.Fact) *seen {
		return &seen{Facility: labs[f.Index%3], Operator: owners[f.Index%2], Seq: f.Leaf.Seq}
	}
	return []*projections.View{
		{Name: "touches", Version: 1, Title: "one row a leaf", Tables: []projections.Schema{touches},
			Leaf: func(tx *projections.Tx, f *projections.Fact) error {
				return touches.Append(tx, fmt.Sprint("t-", f.Index), rowOf(f))
			}},
		{Name: "sessions", Version: 1, Title: "three changes a row", Tables: []projections.Schema{sessions},
			Leaf: func(tx *projections.Tx, f *projections.Fact) error {
				key := fmt.Sprint("s-", f.Index/3)
				if f.Index%3 == 2 {
					return sessions.Delete(tx, key)
				}
				return sessions.Put(tx, key, rowOf(f))
			}},
	}
}

// TestKilledOverTheRealStore runs the engine here, and publisher and subscriber as
// processes that are killed; the publisher reads the engine's database.
func TestKilledOverTheRealStore(t *testing.T) {
	t.Parallel()
	const size = 8000
	w := newCrashWorld(t, size, 0)
	w.Views = t.TempDir()
	w.Size = size + 1 // the engine's first leaf makes the first change
	ctx := testContext(t)
	engine, err := projections.OpenEngine(ctx, sqlite.New(w.Views), leafViews(), projections.Options{Log: quiet()})
	must(t, err)
	defer engine.Close()
	applied := make(chan error, 1)
	go func() {
		applied <- func() error {
			for from := uint64(0); from < size; {
				var facts []*projections.Fact
				for n := uint64(1 + rand.IntN(200)); n > 0 && from < size; n-- {
					facts = append(facts, &projections.Fact{Index: from, Leaf: &formats.Leaf{
						Epoch: 1, Seq: from + 1, Subject: "events.a.b.c", Received: epoch.Add(time.Duration(from) * time.Second), Verdict: formats.Rejected, Code: "malformed",
					}})
					from++
				}
				if err := engine.Apply(ctx, facts); err != nil {
					return err
				}
				time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
			}
			return nil
		}()
	}()
	for _, role := range []string{"broker", "publisher", "subscriber"} {
		w.run(role)
	}
	for range crashRounds() {
		for _, role := range []string{"publisher", "subscriber"} {
			time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
			w.kill(role)
			w.run(role)
		}
	}
	must(t, <-applied)
	w.wait()

	store, err := projections.OpenStore(ctx, sqlite.New(w.Views), leafViews())
	must(t, err)
	defer store.Close()
	var want []string
	counts := map[string]int{}
	for _, v := range feeds.ViewsOf(leafViews()) {
		for after := uint64(0); ; {
			changes, err := store.Changes(ctx, v.Name, after, 1000)
			must(t, err)
			if len(changes) == 0 {
				break
			}
			for _, c := range changes {
				after = c.Number
				want = append(want, fmt.Sprintf("%s/1/%d", v.Name, c.Number))
			}
		}
		counts[v.Name] = len(want)
	}
	got := map[string]int{}
	for _, id := range w.stored() {
		got[id]++
	}
	for _, id := range want {
		if got[id] != 1 {
			t.Fatalf("%s is stored %d times", id, got[id])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d messages are stored, the store has %d changes", len(got), len(want))
	}
	text, err := os.ReadFile(w.Output)
	must(t, err)
	lines := linesOf(t, text)
	if uint64(len(lines)) != size {
		t.Fatalf("the subscriber has %d changes, want %d", len(lines), size)
	}
	for i, m := range lines {
		e, err := m.Event()
		must(t, err)
		if m.Change != uint64(i)<<20+1 || e.Data.Leaf != uint64(i) || e.Data.Key != fmt.Sprint("t-", i) {
			t.Fatalf("line %d is %+v", i, e.Data)
		}
	}
	t.Logf("%v changes", counts)
}
