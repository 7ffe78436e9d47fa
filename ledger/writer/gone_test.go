package writer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
)

// TestExpire lets the ledger's clock run on: rejected messages go after a year, what
// operators said after seven, what authorities and the ledger said never does.
func TestExpire(t *testing.T) {
	const size = 300
	w := readertest.New(t)
	w.Grow(size)
	trust := &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.Trusted}}
	kinds := map[string]int{} // of what there is
	for _, body := range w.Bodies {
		envelope, err := events.ParseEnvelope(body)
		switch {
		case len(body) == 0:
		case err != nil:
			kinds["rejected"]++
		case envelope.Manifest.Recorder.IsOperator() && len(envelope.Erased()) == 0: // no duplicate
			kinds["events"] += len(envelope.Lines)
		}
	}
	if kinds["rejected"] == 0 || kinds["events"] == 0 {
		t.Fatalf("there is nothing to expire: %v", kinds)
	}
	began := time.Now()
	for _, c := range []struct {
		after               time.Duration
		rejections, expired int
	}{
		{0, 0, 0},
		{364 * 24 * time.Hour, 0, 0},
		{366 * 24 * time.Hour, kinds["rejected"], 0},
		{7*365*24*time.Hour - 48*time.Hour, 0, 0},
		{7*366*24*time.Hour + 48*time.Hour, 0, kinds["events"]},
		{80 * 366 * 24 * time.Hour, 0, 0},
	} {
		w.Now = func() time.Time { return began.Add(c.after) }
		if err := w.Ledger.AppendClock(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := w.Ledger.Expire(t.Context())
		if err != nil || got.Rejections != c.rejections || got.Events != c.expired || got.More {
			t.Errorf("after %v: %+v, %v: want %d rejections and %d events", c.after, got, err, c.rejections, c.expired)
		}
	}
	if err := w.Ledger.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	report, err := audit.Directory(t.Context(), w.Dir, trust, nil)
	if err != nil || len(report.Failures) > 0 || report.Expired != uint64(kinds["rejected"]+kinds["events"]) || report.Erased != 0 {
		t.Errorf("the audit: %+v, %v: want %v expired", report, err, kinds)
	}
}

// TestGoneWithoutGround has an audit look at bodies from which something was taken that
// nobody ordered erased, and that no retention is over for.
func TestGoneWithoutGround(t *testing.T) {
	const size = 120
	for _, c := range []struct {
		name string
		of   func(envelope *events.Envelope) bool // the first leaf like this is taken
		take []int
		says string
	}{
		{"an event", func(e *events.Envelope) bool {
			return e != nil && e.Manifest.Recorder.IsOperator() && len(e.Lines) == 3
		}, []int{1}, "event 1 of leaf"},
		{"all events", func(e *events.Envelope) bool { return e != nil && e.Manifest.Recorder.IsOperator() }, nil, "event 0 of leaf"},
		{"a rejected message", func(e *events.Envelope) bool { return e == nil }, nil, "the body of leaf"},
		{"what the registry says", func(e *events.Envelope) bool {
			return e != nil && e.Manifest.Recorder.IsRegistry() && e.Manifest.First > 1
		}, nil, "the registry's or the ledger's own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := readertest.New(t)
			w.Grow(size)
			if err := w.Ledger.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			trust := &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.Trusted}}
			if report, err := audit.Directory(t.Context(), w.Dir, trust, nil); err != nil || len(report.Failures) > 0 {
				t.Fatalf("before anything was taken: %+v, %v", report, err)
			}
			taken := false
			for i, body := range w.Bodies {
				envelope, err := events.ParseEnvelope(body)
				if err != nil {
					envelope = nil
				}
				if len(body) == 0 || !c.of(envelope) {
					continue
				}
				remains := []byte{}
				if envelope != nil {
					rest, err := envelope.Without(c.take...)
					if err != nil {
						t.Fatal(err)
					}
					remains = rest.Marshal()
				}
				if err := writer.EraseBody(w.Dir, size, uint64(i), remains); err != nil {
					t.Fatal(err)
				}
				taken = true
				break
			}
			if !taken {
				t.Fatal("there is no such leaf to take from")
			}
			report, err := audit.Directory(t.Context(), w.Dir, trust, nil)
			if err != nil || len(report.Failures) == 0 || !strings.Contains(strings.Join(report.Failures, "\n"), c.says) {
				t.Errorf("want %q: %+v, %v", c.says, report, err)
			}
		})
	}
}
