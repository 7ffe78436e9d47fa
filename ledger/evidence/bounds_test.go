package evidence_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/evidence"
)

// TestBoundsAreClosest: of many leaves, each between anchors of its own, each is bounded by
// those next to it, as if evidence had been asked for of it alone.
func TestBoundsAreClosest(t *testing.T) {
	w := newWorld(t)
	w.anchor()
	var leaves []string
	for range 20 {
		first, second := w.say(bastion, sessionClosed), w.say(bastion, sessionClosed)
		leaves = append(leaves, fmt.Sprint(first), fmt.Sprint(second))
		waitRecorded(w, second)
	}

	// What the ledger says of its anchors: after which leaf of its own, for which size.
	type anchor struct{ leaf, size uint64 }
	var anchors []anchor
	checkpoint := w.published()
	for from := uint64(0); from < checkpoint.Size; {
		entries, err := w.reader.Entries(t.Context(), checkpoint, from)
		w.must(err)
		for _, e := range entries {
			from = e.Index + 1
			if e.Leaf.Subject != events.LedgerRecorder.Subject() {
				continue
			}
			envelope, err := events.ParseEnvelope(e.Body)
			w.must(err)
			for _, line := range envelope.Lines {
				event, err := events.ParseEvent(line)
				w.must(err)
				var said events.AnchorRecorded
				if event.Type == events.TypeAnchorRecorded {
					w.must(json.Unmarshal(event.Data, &said))
					anchors = append(anchors, anchor{e.Index, uint64(said.Size)})
				}
			}
		}
	}
	if len(anchors) < 20 {
		t.Fatalf("%d anchors: they prove nothing", len(anchors))
	}

	for name, source := range map[string]evidence.Source{"directory": w.source(), "HTTP": remoteSource(t, w, serve(t, w), "auditor")} {
		s := w.build(source, evidence.Options{WaitAnchor: true}, leaves...)
		if len(s.Records) != len(leaves) {
			t.Fatalf("%s: %d records", name, len(s.Records))
		}
		for _, r := range s.Records {
			var before, after uint64
			for _, a := range anchors {
				if a.leaf < r.Leaf {
					before = max(before, a.size)
				}
				if a.size > r.Leaf && (after == 0 || a.size < after) {
					after = a.size
				}
			}
			if after == 0 { // it is anchored, and that has no leaf yet
				continue
			}
			if len(r.NotAfter) == 0 || r.NotAfter[0].Size != after {
				t.Errorf("%s: leaf %d: %+v: want the anchor of %d leaves", name, r.Leaf, r.NotAfter, after)
			}
			if before > 0 && (len(r.NotBefore) == 0 || r.NotBefore[0].Size != before) {
				t.Errorf("%s: leaf %d: %+v: want the anchor of %d leaves", name, r.Leaf, r.NotBefore, before)
			}
		}
	}
}
