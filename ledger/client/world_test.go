package client

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// world is a broker, a ledger and what an operator needs.
type world struct {
	t        testing.TB
	broker   *testBroker
	ledger   *testLedger
	signer   *events.Signer
	recorder events.Recorder
}

var testSeed = bytes.Repeat([]byte{7}, ed25519.SeedSize)

func testSigner(t testing.TB) *events.Signer {
	s, err := events.NewSigner(ed25519.NewKeyFromSeed(testSeed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustRecorder(t testing.TB, name string) events.Recorder {
	r, err := events.ParseRecorder(name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, signer: testSigner(t), recorder: mustRecorder(t, "nimbus-my/lab-1/bastion-1")}
	w.broker = startBroker(t)
	w.ledger = startLedger(t, w.broker, w.signer.PublicKey())
	return w
}

func (w *world) config() Config {
	return Config{NATSURL: w.broker.url(), HTTP: w.ledger.http.URL, Log: w.ledger.log, Party: w.recorder.Party(), Poll: 200 * time.Millisecond}
}

func (w *world) client() *Client {
	w.t.Helper()
	c, err := Dial(testContext(w.t), w.config())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

func openOutbox(t testing.TB, path string, o Options) *Outbox {
	t.Helper()
	b, err := Open(testContext(t), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func (w *world) outbox(o Options) *Outbox {
	w.t.Helper()
	return openOutbox(w.t, w.t.TempDir()+"/outbox.db", o)
}

// drafts makes n events whose ids are prefix and a number.
func drafts(t testing.TB, r events.Recorder, prefix string, from, n int) []events.Draft {
	t.Helper()
	out := make([]events.Draft, n)
	for i := range out {
		d, err := events.NewDisclosure("ticket", fmt.Sprintf("T-%d", i), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		sd, err := events.SD([]events.Disclosure{d}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		e, err := events.NewEvent(r, "saksi.access.session.opened.v1", fmt.Sprintf("%s-%d", prefix, from+i),
			time.Date(2026, 11, 23, 8, 0, 0, i, time.UTC), map[string]any{"actor": "p-x", "_sd": sd}, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = events.Draft{Event: e, Disclosures: []events.Disclosure{d}}
	}
	return out
}

func (w *world) add(o *Outbox, r events.Recorder, prefix string, from, n int) Added {
	w.t.Helper()
	a, err := o.Add(testContext(w.t), r, drafts(w.t, r, prefix, from, n), w.signer)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) flush(c *Client, o *Outbox) Result {
	w.t.Helper()
	r, err := c.Flush(testContext(w.t), o, FlushOptions{})
	if err != nil {
		w.t.Fatalf("flush: %v", err)
	}
	return r
}

func status(t testing.TB, o *Outbox) Status {
	t.Helper()
	s, err := o.Status(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkReceipts verifies every stored receipt as an auditor would, and that
// nothing is pending and no body left.
func (w *world) checkReceipts(o *Outbox, envelopes int) {
	w.t.Helper()
	n := 0
	for r, err := range o.Receipts(testContext(w.t)) {
		if err != nil {
			w.t.Fatal(err)
		}
		p, err := formats.ParseReceipt(r.Proof.Marshal())
		if err != nil {
			w.t.Fatal(err)
		}
		leaf, _, err := w.ledger.log.VerifyReceipt(p)
		if err != nil {
			w.t.Fatal(err)
		}
		if r.Code == "" && (leaf.Verdict != formats.Accepted || leaf.First != r.First || leaf.Count != r.Count || leaf.Subject != r.Recorder.Subject()) {
			w.t.Fatalf("receipt of %s %d is for the leaf %+v", r.Recorder, r.First, leaf)
		}
		n++
	}
	if n != envelopes {
		w.t.Fatalf("%d receipts: want %d", n, envelopes)
	}
	var bodies int
	if err := o.db.QueryRow("SELECT count(*) FROM body").Scan(&bodies); err != nil || bodies != 0 {
		w.t.Fatalf("%d bodies are left (%v)", bodies, err)
	}
}

// checkLedger holds what the ledger accepted against what must be: sequence
// numbers without gaps in order, chained, and each event once.
func (w *world) checkLedger(r events.Recorder, eventCount int) {
	w.t.Helper()
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	ids := map[string]bool{}
	next, previous := uint64(1), events.Digest{}
	for _, e := range w.ledger.bodies {
		m := e.Manifest
		if m.Recorder != r {
			continue
		}
		if m.First != next || m.Previous != previous {
			w.t.Fatalf("%s: envelope from %d after %d, previous %s: want %s", r, m.First, next-1, m.Previous, previous)
		}
		next, previous = m.Last()+1, e.ManifestDigest()
		for _, line := range e.Lines {
			ev, err := events.ParseEvent(line)
			if err != nil {
				w.t.Fatal(err)
			}
			if ids[ev.ID] {
				w.t.Fatalf("%s: event %s twice", r, ev.ID)
			}
			ids[ev.ID] = true
		}
	}
	if len(ids) != eventCount {
		w.t.Fatalf("%s: %d events accepted: want %d", r, len(ids), eventCount)
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}
