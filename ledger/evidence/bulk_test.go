package evidence_test

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
)

// TestInBulk: a hundred thousand events in one bundle, whose proof repeats nothing, and
// which is verified in bounded memory.
func TestInBulk(t *testing.T) {
	slowtest.Skip(t, "proves 100,000 events")
	w := newWorld(t)
	// Few large envelopes and many small ones: some leaves that nobody asks for between.
	first := w.say(bastion, sessionClosed)
	var batch []writer.Received
	flush := func() {
		w.Helper()
		_, err := w.ledger.Admit(w.Context(), w.ledger.Prepare(batch))
		w.must(err)
		batch = batch[:0]
	}
	add := func(list ...said) {
		w.seq++
		if batch = append(batch, writer.Received{Subject: bastion.Subject(), Body: w.seal(bastion, list...), Seq: w.seq, Time: time.Now()}); len(batch) == 200 {
			flush()
		}
	}
	many := make([]said, 300)
	for i := range many {
		many[i] = sessionClosed
	}
	for range 300 {
		add(many...)
	}
	for range 10_000 {
		add(sessionClosed)
	}
	flush()
	w.published()

	var requests []evidence.Request
	for leaf := first + 1; leaf <= first+300; leaf++ {
		requests = append(requests, evidence.Request{Leaf: leaf, Event: -1})
	}
	for leaf := first + 301; leaf <= first+10_300; leaf++ {
		if leaf%7 != 0 { // not this one
			requests = append(requests, evidence.Request{Leaf: leaf})
		}
	}
	began := time.Now()
	bundle, err := evidence.Make(t.Context(), w.source(), requests, evidence.Options{})
	w.must(err)
	path := filepath.Join(t.TempDir(), "bulk.saksi")
	f, err := os.Create(path)
	w.must(err)
	defer f.Close()
	b := bufio.NewWriter(f)
	size, err := bundle.WriteTo(b)
	w.must(err)
	w.must(b.Flush())
	made := time.Since(began)
	hashes, leaves, about := len(bundle.Proof), len(bundle.Leaves), len(bundle.About)
	bundle = nil
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak, told, records := uint64(0), 0, 0
	began = time.Now()
	s, err := verify.Verify(f, size, w.trust, verify.Options{
		Progress: func(done, total int) {
			if told++; told%5 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapAlloc)
			}
			if done > total || total != about {
				t.Errorf("%d of %d are verified", done, total)
			}
		},
		Record: func(r *verify.StatedRecord) error { records += len(r.Events); return nil },
	})
	w.must(err)
	t.Logf("%d events of %d leaves, %d bytes, %d hashes: made in %s, verified in %s, heap grew by %d KiB", about, leaves, size, hashes, made, time.Since(began), (peak-min(peak, before.HeapAlloc))>>10)
	if about < 98_000 || s.Events != about || records != about || len(s.Records) != 0 || len(s.Groups) != 1 || s.Groups[0].Events != about || told < 10 {
		t.Errorf("%d events, %d stated, %d records, %d groups", about, s.Events, records, len(s.Groups))
	}
	// One path to each of the 1,500 leaves that are left out, at the most, and none twice.
	if hashes > 1600 {
		t.Errorf("%d hashes prove %d leaves", hashes, leaves)
	}
	if peak > before.HeapAlloc+32<<20 {
		t.Errorf("the heap grew from %d to %d bytes for a bundle of %d", before.HeapAlloc, peak, size)
	}
	if text := s.Text(); !strings.Contains(text, "The recorder nimbus-my/lab-1/bastion-1 said ") || len(text) > 10_000 {
		t.Errorf("%.2000s", text)
	}
}
