package sequence_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
	"github.com/saksi-ledger/saksi/projections/store/memory"
)

// TestModel follows manifests in any order, overlapping and contradicting each other,
// and compares with a model that remembers every number.
func TestModel(t *testing.T) {
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		highest := rapid.SampledFrom([]uint64{8, 40, 600}).Draw(rt, "highest")
		manifests := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) *events.Manifest {
			m := &events.Manifest{
				Recorder: recorder, Incarnation: rapid.Uint64Range(1, 2).Draw(rt, "incarnation"),
				First: rapid.Uint64Range(1, highest).Draw(rt, "first"),
			}
			for i := range rapid.Uint64Range(1, 5).Draw(rt, "events") {
				m.Events = append(m.Events, events.DigestOf(fmt.Append(nil, m.First+i, rapid.IntRange(0, 9).Draw(rt, "words") == 0)))
			}
			return m
		}), 1, int(min(highest, 200))).Draw(rt, "manifests")

		first := map[uint64]map[uint64]events.Digest{1: {}, 2: {}} // what was said first, by incarnation and number
		where := map[uint64]map[uint64]events.Ref{1: {}, 2: {}}
		last := map[uint64]uint64{}
		follow := sequence.New("rows", true)
		at := 0
		show(rt, follow, manifests, func(tx *projections.Tx, s *sequence.Step) error {
			m := manifests[at]
			i := m.Incarnation
			repeated := uint64(0)
			contradicted := map[uint64]events.Ref{}
			for n, d := range m.Events {
				number := m.First + uint64(n)
				switch before, found := first[i][number]; {
				case !found:
					first[i][number] = d
					where[i][number] = events.Ref{Leaf: uint64(at), Event: n}
				case before == d:
					repeated++
				default:
					contradicted[number] = where[i][number]
				}
			}
			last[i] = max(last[i], m.Last())
			missing := last[i] - uint64(len(first[i]))
			if s.Missing != missing || s.Repeated != repeated || len(s.Contradicted) != len(contradicted) {
				return fmt.Errorf("manifest %d: %d missing, %d repeated, %d contradicted; want %d, %d, %d",
					at, s.Missing, s.Repeated, len(s.Contradicted), missing, repeated, len(contradicted))
			}
			for _, c := range s.Contradicted {
				want := events.Ref{Leaf: uint64(at), Event: int(c.Number - m.First)}
				if contradicted[c.Number] != c.Earlier || c.Later != want {
					return fmt.Errorf("manifest %d: number %d of %v was said by %v; want %v and %v", at, c.Number, c.Later, c.Earlier, want, contradicted[c.Number])
				}
			}
			at++
			if s.Lost > 0 {
				return nil // neither of the following is promised
			}
			from, to := rapid.Uint64Range(1, highest).Draw(rt, "from"), rapid.Uint64Range(1, highest+10).Draw(rt, "to")
			var absent uint64
			for n := from; n <= to; n++ {
				if _, found := first[i][n]; !found {
					absent++
				}
			}
			if got, err := follow.Missing(tx, recorder, i, from, to); err != nil || got != absent {
				return fmt.Errorf("%d to %d: %d missing, want %d (%v)", from, to, got, absent, err)
			}
			next := from
			complete, err := follow.Between(tx, recorder, i, from, to, func(said sequence.Received) {
				for ; next < said.Number; next++ {
					if _, found := first[i][next]; found {
						err = fmt.Errorf("%d to %d: %d was passed over", from, to, next)
					}
				}
				if where[i][said.Number] != said.Ref {
					err = fmt.Errorf("number %d is %v: want %v", said.Number, said.Ref, where[i][said.Number])
				}
				next++
			})
			for ; next <= to && err == nil; next++ {
				if _, found := first[i][next]; found {
					err = fmt.Errorf("%d to %d: %d was passed over", from, to, next)
				}
			}
			if !complete && err == nil {
				err = fmt.Errorf("%d to %d: it gave up", from, to)
			}
			return err
		})
	})
}

// TestManyGaps: what an operator makes a Trail remember is bounded, and what it counts
// is right all the same.
func TestManyGaps(t *testing.T) {
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	one := func(n uint64) *events.Manifest {
		return &events.Manifest{Recorder: recorder, Incarnation: 1, First: n, Events: []events.Digest{events.DigestOf(fmt.Append(nil, n))}}
	}
	var manifests []*events.Manifest
	const pairs = 10 * sequence.MaxGaps
	for n := uint64(1); n <= pairs; n++ { // odd ones are left out
		manifests = append(manifests, one(2*n))
	}
	manifests = append(manifests, one(events.MaxSequence)) // one gap, as large as they come
	for n := uint64(pairs); n >= 1; n-- {
		manifests = append(manifests, one(2*n-1))
	}
	var missing uint64
	at := 0
	show(t, sequence.New("rows", false), manifests, func(_ *projections.Tx, s *sequence.Step) error {
		at++
		switch {
		case at <= pairs:
			missing++
		case at == pairs+1:
			missing += events.MaxSequence - 1 - 2*pairs
		default:
			missing--
		}
		if s.Missing != missing {
			return fmt.Errorf("after manifest %d: %d missing, want %d", at, s.Missing, missing)
		}
		return nil
	})
}

// TestWithoutBody: where a body is gone, its numbers count as said, and nothing is
// said of what can't be compared any more.
func TestWithoutBody(t *testing.T) {
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	var manifests []*events.Manifest
	previous := events.Digest{}
	for n := range uint64(5) {
		m := &events.Manifest{Recorder: recorder, Incarnation: 1, First: 2*n + 1, Previous: previous, Events: []events.Digest{{1}, {2}}}
		manifests, previous = append(manifests, m), events.DigestOf(m.Marshal())
	}
	for _, first := range []uint64{14, 12} { // beyond a gap, and into it
		manifests = append(manifests, &events.Manifest{Recorder: recorder, Incarnation: 1, First: first, Previous: previous, Events: []events.Digest{{1}}})
	}
	gone := map[int]bool{0: true, 2: true, 5: true, 6: true}
	missing := []uint64{0, 0, 0, 0, 0, 3, 2}
	at := 0
	show(t, sequence.New("rows", true), manifests, func(_ *projections.Tx, s *sequence.Step) error {
		m := manifests[at]
		if s.Recorder != recorder || s.First != m.First || s.Last != m.Last() || s.Missing != missing[at] ||
			(s.Opened != nil) != (at == 5) || len(s.Filled) > 0 != (at == 6) || len(s.Breaks) > 0 {
			return fmt.Errorf("leaf %d: %+v", at, s)
		}
		at++
		return nil
	}, gone)
}

type fataler interface {
	Context() context.Context
	Helper()
	Fatal(args ...any)
}

type row struct {
	Facility string      `col:"facility" json:"facility"`
	Operator string      `col:"operator" json:"operator"`
	At       time.Time   `col:"at,order" json:"at"`
	Evidence events.Refs `col:"evidence" json:"evidence"`
}

// show has a Trail follow manifests, each an accepted leaf, on a real engine; of those
// that are gone the leaf alone.
func show(t fataler, follow *sequence.Tracker, manifests []*events.Manifest, step func(*projections.Tx, *sequence.Step) error, gone ...map[int]bool) {
	t.Helper()
	view := &projections.View{
		Name: "rows", Version: 1, Title: "None",
		Tables: append([]projections.Schema{projections.NewTable[row]("rows")}, follow.Tables()...),
		Leaf: func(tx *projections.Tx, f *projections.Fact) error {
			s, err := follow.Follow(tx, f)
			if err != nil {
				return err
			}
			return step(tx, s)
		},
	}
	engine, err := projections.OpenEngine(t.Context(), memory.New(), []*projections.View{view}, projections.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	facts := make([]*projections.Fact, len(manifests))
	for i, m := range manifests {
		f := &projections.Fact{
			Index: uint64(i), Manifest: m,
			Leaf: &formats.Leaf{
				Epoch: 1, Seq: uint64(i), Subject: m.Recorder.Subject(), Received: time.Unix(int64(i), 0).UTC(), Verdict: formats.Accepted,
				First: m.First, Count: uint64(len(m.Events)), Digest: events.DigestOf(m.Marshal()),
			},
		}
		for n := range m.Events {
			f.Events = append(f.Events, projections.Event{
				Ref: events.Ref{Leaf: f.Index, Event: n}, Event: &events.Event{Time: "2026-11-23T00:00:00Z"},
				Sequence: m.First + uint64(n), Recorder: m.Recorder,
			})
		}
		if len(gone) > 0 && gone[0][i] {
			f.Manifest, f.Events, f.NoBody = nil, nil, true
		}
		facts[i] = f
	}
	if err := engine.Apply(t.Context(), facts); err != nil {
		t.Fatal(err)
	}
}
