package client

import (
	"path/filepath"
	"testing"
)

func TestPublishAndForget(t *testing.T) {
	w := newWorld(t)
	o := w.outbox(Options{MaxEvents: 10})
	c := w.client()
	badge := mustRecorder(t, "nimbus-my/lab-1/badge-1")
	if a := w.add(o, w.recorder, "a", 0, 95); a.Envelopes != 10 || a.Events != 95 || a.First != 1 || a.Last != 95 || a.Incarnation != 1 {
		t.Fatalf("added %+v", a)
	}
	w.add(o, badge, "b", 0, 30)
	r := w.flush(c, o)
	if r.Envelopes != 13 || r.Events != 125 || r.Published != 13 || r.Rejected != 0 || r.LastLeaf-r.FirstLeaf != 12 {
		t.Fatalf("flushed %+v", r)
	}
	w.checkReceipts(o, 13)
	w.checkLedger(w.recorder, 95)
	w.checkLedger(badge, 30)

	// The same drafts again publish nothing.
	if a := w.add(o, w.recorder, "a", 0, 100); a.Known != 95 || a.Events != 5 || a.Envelopes != 1 || a.First != 96 {
		t.Fatalf("added again %+v", a)
	}
	if a := w.add(o, w.recorder, "a", 0, 100); a.Known != 100 || a.Envelopes != 0 || a.First != 0 {
		t.Fatalf("added again %+v", a)
	}
	if r := w.flush(c, o); r.Envelopes != 1 || r.Published != 1 {
		t.Fatalf("flushed %+v", r)
	}
	if r := w.flush(c, o); r.Envelopes != 0 || r.Published != 0 {
		t.Fatalf("flushed %+v", r)
	}
	w.checkLedger(w.recorder, 100)

	dir := filepath.Join(t.TempDir(), "receipts")
	if n, err := o.ExportReceipts(testContext(t), dir); err != nil || n != 14 {
		t.Fatalf("exported %d: %v", n, err)
	}
	if n, err := o.ExportReceipts(testContext(t), dir); err != nil || n != 0 {
		t.Fatalf("exported again %d: %v", n, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "nimbus-my.lab-1.bastion-1-1-*.tlog-proof"))
	if err != nil || len(files) != 11 {
		t.Fatalf("files %v, %v", files, err)
	}
	got, ok, err := o.ReceiptOf(testContext(t), w.recorder, "a-97")
	if err != nil || !ok || got.First != 96 || got.Count != 5 {
		t.Fatalf("receipt of an event: %+v, %v, %v", got, ok, err)
	}
	again, ok, err := o.Receipt(testContext(t), got.Manifest)
	if err != nil || !ok || again.First != 96 {
		t.Fatalf("receipt by manifest: %+v, %v, %v", again, ok, err)
	}
}
