package views_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/cloudtrail"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBatching: wherever the engine is stopped and started again, the views are the
// same at every size at which it was. The ledger is a real log with a bad day around it.
func TestBatching(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "cloudtrail", "invictus")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the invictus logs are not beside the repository (../shared/data/cloudtrail/invictus): nothing was tested")
	}
	w := viewtest.New(t)
	badDay(t, w, dir)
	reader, size := w.Reader()
	whole := viewtest.Show(t, reader, views.All(), size)
	for _, view := range views.All() {
		changes, err := whole.Store.Changes(t.Context(), view.Name, 0, 1)
		if err != nil || len(changes) == 0 {
			t.Errorf("nothing happens in %s: %v", view.Name, err)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 4 {
		var sizes []uint64
		for range 1 + random.IntN(4) {
			sizes = append(sizes, 1+random.Uint64N(size-1))
		}
		slices.Sort(sizes)
		compare(t, whole, viewtest.Show(t, reader, views.All(), append(sizes, size)...), sizes)
	}
	var each []uint64
	for n := size - 12; n <= size; n++ {
		each = append(each, n)
	}
	compare(t, whole, viewtest.Show(t, reader, views.All(), each...), each)
}

func compare(t *testing.T, whole, parts *viewtest.Replay, sizes []uint64) {
	t.Helper()
	for _, view := range views.All() {
		for _, at := range append(sizes, whole.Size) {
			if a, b := whole.Digest(view.Name, at), parts.Digest(view.Name, at); a != b {
				t.Errorf("%s at %d leaves, shown in parts to %v: digest %v, want %v", view.Name, at, sizes, b, a)
			}
		}
	}
}

// badDay imports a log, with some of everything that findings are about.
func badDay(t testing.TB, w *viewtest.World, dir string) {
	start := w.Now
	trail := w.Recorder(viewtest.Operator, "cloudtrail-1", events.RecorderControlPlane, day)
	bastion := w.Recorder(viewtest.Operator, "bastion-1", events.RecorderBastion, 0)
	bastion.Say(viewtest.Opened("s-1"), viewtest.Opened("s-2"))
	held := []*viewtest.Envelope{}
	for i, lines := range cloudTrail(t, trail.Next().Recorder, dir)[:14] { // a third of it is enough
		e := trail.SealLines(lines)
		if i%7 == 3 {
			held = append(held, e)
			continue
		}
		e.Send()
		bastion.Say(viewtest.Performed("s-1"))
		w.Now = w.Now.Add(10 * time.Minute)
		w.Clock()
	}
	bastion.Say(viewtest.Closed("s-2", ""))
	w.Pass(20 * time.Hour)
	for _, e := range held[1:] {
		e.Send()
	}
	trail.Say(trail.Attest(start, start.Add(day), 1))
	wrong := events.EventReference{Recorder: bastion.Name(), ID: "1", Digest: events.DigestOf([]byte("1")).String()}
	w.Register(events.TypeProductionOrdered, events.ProductionOrdered{
		Order: "7/2026", Recorder: bastion.Name(), Event: events.RefFields{Leaf: 9}, Records: []events.Integer{0}, Due: events.At(w.Now.Add(time.Hour).Truncate(time.Second)), Ground: "inquiry",
	})
	w.Register(events.TypeDisclosureRevealed, events.DisclosureRevealed{
		Recorder: bastion.Name(), Kind: events.RevealedDisclosure, Actor: viewtest.Engineer().ID, Events: []events.RefFields{{Leaf: 9}}, Ground: "inquiry", Order: "7/2026",
	})
	trail.Say(viewtest.Said{Type: events.TypeAttestationCorrection, Data: events.Withdrawing(wrong, "test_run", viewtest.Engineer()).Statement()})
	backup := *bastion.Next()
	bastion.Say(viewtest.Performed("s-1"))
	*bastion.Next() = backup
	bastion.Say(viewtest.Closed("s-1", ""))
	bastion.Restart()
	bastion.Say(viewtest.Performed("").Ago(w.Now, 40*time.Hour))
	w.Pass(30 * time.Hour)
}

// cloudTrail returns the events of a directory of logs, in envelopes.
func cloudTrail(t testing.TB, recorder events.Recorder, dir string) (envelopes [][][]byte) {
	t.Helper()
	connector, err := cloudtrail.New(connect.Options{
		Recorder: recorder, Party: events.PartyOperator,
		Pseudonym: func(principal string) (string, error) {
			digest := events.DigestOf([]byte(principal))
			return "p-" + digest.String()[7:19], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	account, err := connect.Each(t.Context(), connector, []string{dir}, nil, func(_ connect.Record, drafts []events.Draft) error {
		for _, draft := range drafts {
			line, err := draft.Event.Marshal()
			if err != nil {
				return err
			}
			if lines = append(lines, line); len(lines) == 64 {
				envelopes, lines = append(envelopes, lines), nil
			}
		}
		return nil
	})
	if err != nil || account.Places > 0 {
		t.Fatal(err, account.Damage)
	}
	return append(envelopes, lines)
}
