package client

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// succeeded is an operator whose ledger has been succeeded by another: of its 60 events, in
// envelopes of 5, 20 have receipts, 20 are in the ledger before and the answers were lost,
// and 20 were never sent.
type succeeded struct {
	before, after *world
	outbox        *Outbox
}

const each = 20

func newSucceeded(t *testing.T) *succeeded {
	s := &succeeded{before: newWorld(t), after: newWorld(t)}
	w, ctx := s.before, testContext(t)
	dir := t.TempDir()
	o := openOutbox(t, filepath.Join(dir, "outbox.db"), Options{MaxEvents: 5})
	c := w.client()
	w.add(o, w.recorder, "e", 0, each)
	w.flush(c, o)
	w.add(o, w.recorder, "e", each, each)
	copied := filepath.Join(dir, "copy.db")
	if _, err := o.db.ExecContext(ctx, "VACUUM INTO ?", copied); err != nil {
		t.Fatal(err)
	}
	w.flush(c, o)
	if err := errors.Join(c.Close(), o.Close()); err != nil {
		t.Fatal(err)
	}
	s.outbox = openOutbox(t, copied, Options{MaxEvents: 5})
	w.add(s.outbox, w.recorder, "e", 2*each, each)
	// The registry of the ledger that takes its place says where recorders stood.
	s.after.ledger.heads[w.recorder.String()] = w.ledger.heads[w.recorder.String()]
	return s
}

func (s *succeeded) succession(t *testing.T) Succession {
	t.Helper()
	last, err := s.before.ledger.reader.ReadCheckpoint(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return Succession{From: s.before.ledger.log, To: s.after.ledger.log, Last: last, HTTP: s.before.ledger.http.URL}
}

// check holds what both ledgers have, and the outbox: each event once, numbers and chain
// going on, a receipt of the one or the other for everything.
func (s *succeeded) check(t *testing.T) {
	t.Helper()
	s.before.checkLedger(s.before.recorder, 2*each)
	head := s.before.ledger.heads[s.before.recorder.String()]
	next, previous, n := head.Last+1, head.Manifest, 0
	s.after.ledger.mu.Lock()
	for _, e := range s.after.ledger.bodies {
		if m := e.Manifest; m.First != next || m.Previous != previous || m.Incarnation != 1 {
			t.Fatalf("envelope from %d after %d, incarnation %d", m.First, next-1, m.Incarnation)
		}
		next, previous, n = e.Manifest.Last()+1, e.ManifestDigest(), n+len(e.Lines)
	}
	s.after.ledger.mu.Unlock()
	if n != each {
		t.Fatalf("the new ledger accepted %d events: want %d", n, each)
	}
	of := map[string]int{}
	for r, err := range s.outbox.Receipts(testContext(t)) {
		if err != nil {
			t.Fatal(err)
		}
		p, err := formats.ParseReceipt(r.Proof.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		for name, w := range map[string]*world{"before": s.before, "after": s.after} {
			if leaf, _, err := w.ledger.log.VerifyReceipt(p); err == nil && leaf.First == r.First && leaf.Count == r.Count {
				of[name]++
			}
		}
	}
	if of["before"] != 8 || of["after"] != 4 {
		t.Fatalf("receipts %v: want 8 of the ledger before, 4 of the one after", of)
	}
}

func TestMove(t *testing.T) {
	for name, fault := range commitFaults {
		t.Run(name, func(t *testing.T) {
			s := newSucceeded(t)
			ctx := testContext(t)
			// Each commit fails in turn: what it was on the way to is done the next time.
			var moved Moved
			for i, left := 1, true; left; i++ {
				failed := s.outbox.failNth(i, fault)
				m, err := s.outbox.Move(ctx, s.succession(t))
				if left = *failed; left && !errors.Is(err, errFault) || !left && err != nil {
					t.Fatalf("move with commit %d failing: %v", i, err)
				}
				moved = m
			}
			s.outbox.commit = (*sql.Tx).Commit
			if v := moved.Waiting; v.Envelopes != 4 || v.Events != each {
				t.Fatalf("moved %+v", moved)
			}
			if _, err := s.before.client().Flush(ctx, s.outbox, FlushOptions{}); err == nil || !strings.Contains(err.Error(), "has moved from the ledger") {
				t.Fatalf("with the old grant: %v", err)
			}
			c := s.after.client()
			if r := s.after.flush(c, s.outbox); r.Events != each {
				t.Fatalf("flushed %+v", r)
			}
			s.check(t)
			if m, err := s.outbox.Move(ctx, s.succession(t)); err != nil || !m.Again || m.Waiting.Envelopes != 0 {
				t.Fatalf("again: %+v, %v", m, err)
			}
			// It goes on as ever.
			s.after.add(s.outbox, s.before.recorder, "e", 3*each, 5)
			s.after.flush(c, s.outbox)
		})
	}
}

func TestMoveWithoutTheTree(t *testing.T) {
	s := newSucceeded(t)
	ctx := testContext(t)
	how := s.succession(t)
	how.HTTP = "http://127.0.0.1:1"
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	if _, err := s.outbox.Move(short, how); err == nil {
		t.Fatal("moved without knowing what the ledger before has")
	}
	if v := status(t, s.outbox).Recorders[0]; v.Pending.Events != 2*each {
		t.Fatalf("status %+v", v)
	}
	how.Unproven = true
	moved, err := s.outbox.Move(ctx, how)
	if err != nil || moved.Waiting.Events != 2*each || moved.Found.Receipts != 0 {
		t.Fatalf("%+v, %v", moved, err)
	}
}

func TestMoveRefuses(t *testing.T) {
	s := newSucceeded(t)
	ctx := testContext(t)
	// The checkpoint is none of the ledger's.
	how := s.succession(t)
	how.Last = append([]byte("x"), how.Last...)
	if _, err := s.outbox.Move(ctx, how); err == nil {
		t.Error("moved by an unsigned checkpoint")
	}
	// The outbox is of another ledger.
	how = s.succession(t)
	stranger := newWorld(t)
	if err := s.outbox.bind(ctx, s.before.ledger.log); err != nil {
		t.Fatal(err)
	}
	other, err := stranger.ledger.reader.ReadCheckpoint(ctx)
	if err != nil {
		t.Fatal(err)
	}
	how.From, how.Last = stranger.ledger.log, other
	if _, err := s.outbox.Move(ctx, how); err == nil {
		t.Error("moved from a ledger that it was not of")
	}
	// Signed, and not what the outbox has seen: kept as evidence.
	s = newSucceeded(t)
	seen := s.outbox.Checkpoint()
	forged := *seen
	forged.Root[0] ^= 1
	s.outbox.seen = &forged
	how = s.succession(t)
	if _, err := s.outbox.Move(ctx, how); !isFork(err) {
		t.Errorf("a checkpoint that does not continue what was seen: %v", err)
	}
	if kept, err := s.outbox.Evidence(ctx); err != nil || len(kept) != 1 {
		t.Errorf("evidence %v, %v", kept, err)
	}
	// Who was shown the tree of a thief can move all the same.
	how.Unproven = true
	if moved, err := s.outbox.Move(ctx, how); err != nil || moved.Waiting.Events != 2*each {
		t.Errorf("moved %+v, %v", moved, err)
	}
	if formers, err := s.outbox.Formers(ctx); err != nil || len(formers) != 1 || formers[0].Key() != s.before.ledger.log.Key() {
		t.Errorf("formers %v, %v", formers, err)
	}
}

// TestMoveLeavesBehind has the last checkpoint be one from before some receipts.
func TestMoveLeavesBehind(t *testing.T) {
	s := &succeeded{before: newWorld(t), after: newWorld(t)}
	w, ctx := s.before, testContext(t)
	o := w.outbox(Options{MaxEvents: 5})
	c := w.client()
	w.add(o, w.recorder, "e", 0, each)
	w.flush(c, o)
	how := s.succession(t)
	w.add(o, w.recorder, "e", each, each)
	w.flush(c, o)
	w.add(o, w.recorder, "e", 2*each, each)
	moved, err := o.Move(ctx, how)
	if err != nil || moved.Behind.Events != each || moved.Waiting.Events != each || moved.Found.Receipts != 0 {
		t.Fatalf("%+v, %v", moved, err)
	}
	n := 0
	for _, err := range o.Receipts(ctx) {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 8 {
		t.Errorf("%d receipts are kept: want 8", n)
	}
}

// TestMoveDrops is of an authority's registry events: what has no receipt is given up, and
// its numbers begin anew.
func TestMoveDrops(t *testing.T) {
	s := newSucceeded(t)
	ctx := testContext(t)
	how := s.succession(t)
	how.Drop = true
	moved, err := s.outbox.Move(ctx, how)
	if err != nil || moved.Dropped.Events != 2*each || moved.Waiting.Events != 0 {
		t.Fatalf("%+v, %v", moved, err)
	}
	r := status(t, s.outbox).Recorders[0]
	if r.Incarnation != 2 || r.Next != 1 || r.Pending.Events != 0 {
		t.Fatalf("status %+v", r)
	}
	// What was given up can be said again.
	if a := s.after.add(s.outbox, s.before.recorder, "e", each, each); a.Events != each {
		t.Fatalf("added %+v", a)
	}
}

// TestMoveRejected has a rejection of the ledger before be decided about after the move.
func TestMoveRejected(t *testing.T) {
	before, after := newWorld(t), newWorld(t)
	ctx := testContext(t)
	s := &succeeded{before: before, after: after}
	before.ledger.set(func() { before.ledger.reject = func(*events.Envelope) string { return "schema" } })
	o := before.outbox(Options{MaxEvents: 5})
	before.add(o, before.recorder, "e", 0, 60) // so that leaves there have higher numbers
	before.flush(before.client(), o)
	if _, err := o.Move(ctx, s.succession(t)); err != nil {
		t.Fatal(err)
	}
	after.ledger.set(func() { after.ledger.reject = func(*events.Envelope) string { return "unknown_recorder" } })
	c := after.client()
	r, err := c.Flush(ctx, o, FlushOptions{Resend: true})
	if err != nil || r.Rejected != 12 {
		t.Fatalf("%+v, %v", r, err)
	}
	after.ledger.set(func() { after.ledger.reject = nil })
	if r, err = c.Flush(ctx, o, FlushOptions{Resend: true}); err != nil || r.Envelopes != 12 {
		t.Fatalf("%+v, %v", r, err)
	}
	after.checkLedger(before.recorder, 60)
}

// TestOlderOutboxes opens outboxes as programs before this one left them.
func TestOlderOutboxes(t *testing.T) {
	ctx := testContext(t)
	path := filepath.Join(t.TempDir(), "outbox.db")
	for version, without := range map[int]string{2: "DROP TABLE former", 1: "DROP TABLE former; DROP TABLE sealed"} {
		o, err := Open(ctx, path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.db.Exec(without + "; PRAGMA user_version = " + string(rune('0'+version))); err != nil {
			t.Fatal(err)
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		if o, err = Open(ctx, path, Options{}); err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		if _, err := o.db.Exec("SELECT * FROM former, sealed"); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
		if err := errors.Join(o.Close(), os.Remove(path)); err != nil {
			t.Fatal(err)
		}
	}
}
