package views_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/projections/views/viewtest"
)

// BenchmarkViews shows decoded facts to a new engine: what views and database cost,
// without reading and decoding.
func BenchmarkViews(b *testing.B) {
	for _, perEnvelope := range []int{1, 32} {
		for _, bench := range []struct {
			name  string
			views func() []*projections.View
		}{
			{"touches", func() []*projections.View { return []*projections.View{views.Touches()} }},
			{"all", views.All},
		} {
			b.Run(fmt.Sprintf("%s/%d", bench.name, perEnvelope), func(b *testing.B) {
				const total = 1 << 16
				facts := synthetic(b, total/perEnvelope, perEnvelope)
				began := time.Now()
				for b.Loop() {
					engine, err := projections.OpenEngine(b.Context(), sqlite.New(b.TempDir()), bench.views(), projections.Options{Log: slog.New(slog.DiscardHandler)})
					if err != nil {
						b.Fatal(err)
					}
					for rest := facts; len(rest) > 0; {
						n := min(len(rest), max(1, 16384/perEnvelope))
						if err := engine.Apply(b.Context(), rest[:n]); err != nil {
							b.Fatal(err)
						}
						rest = rest[n:]
					}
					if err := engine.Close(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(total*b.N)/time.Since(began).Seconds(), "events/s")
			})
		}
	}
}

// synthetic makes leaves as an import of a control plane's log does.
func synthetic(b *testing.B, leaves, perEnvelope int) []*projections.Fact {
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/cloudtrail-1")
	if err != nil {
		b.Fatal(err)
	}
	data := viewtest.Performed("").Data.(events.AccessPerformed)
	start := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	facts := make([]*projections.Fact, leaves)
	first, previous := uint64(1), events.Digest{}
	for i := range facts {
		at := start.Add(time.Duration(i) * 10 * time.Millisecond)
		m := &events.Manifest{Recorder: recorder, Incarnation: 1, First: first, Previous: previous}
		f := &projections.Fact{Index: uint64(i), Manifest: m, Leaf: &formats.Leaf{
			Epoch: 1, Seq: uint64(i), Subject: recorder.Subject(), Received: at, Verdict: formats.Accepted, First: first, Count: uint64(perEnvelope),
		}}
		for n := range perEnvelope {
			m.Events = append(m.Events, events.DigestOf(fmt.Append(nil, first, n)))
			performed := data
			performed.Actor.ID = fmt.Sprintf("p-%d", n%17)
			f.Events = append(f.Events, projections.Event{
				Ref: events.Ref{Leaf: f.Index, Event: n}, Recorder: recorder, Sequence: first + uint64(n), Data: &performed,
				Event: &events.Event{Type: events.TypeAccessPerformed, Time: at.Add(-time.Second).Format(time.RFC3339Nano)},
			})
		}
		first, previous = m.Last()+1, events.DigestOf(m.Marshal())
		facts[i] = f
	}
	return facts
}
