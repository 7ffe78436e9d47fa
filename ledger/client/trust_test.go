package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
)

func TestForks(t *testing.T) {
	// Two ledgers with the same key, and what one of them has accepted.
	signer := testSigner(t)
	skey, vkey := newLogKey(t)
	prepare := func(t *testing.T) (a, b *world, o *Outbox) {
		worlds := [2]*world{}
		for i := range worlds {
			w := &world{t: t, signer: signer, recorder: mustRecorder(t, "nimbus-my/lab-1/bastion-1")}
			w.broker = startBroker(t)
			w.ledger = startLedgerWith(t, w.broker, signer.PublicKey(), skey, vkey)
			worlds[i] = w
		}
		a, b = worlds[0], worlds[1]
		o = a.outbox(Options{MaxEvents: 1})
		a.add(o, a.recorder, "a", 0, 4)
		a.flush(a.client(), o)
		return a, b, o
	}
	other := mustRecorder(t, "nimbus-my/lab-1/other")
	for name, n := range map[string]int{"smaller": 2, "same size": 4, "larger": 9} {
		t.Run(name, func(t *testing.T) {
			a, b, o := prepare(t)
			o2 := b.outbox(Options{MaxEvents: 1})
			b.add(o2, other, "x", 0, n)
			b.flush(b.client(), o2)
			a.add(o, a.recorder, "a", 4, 3)
			// The other one takes over the address; the broker's is still the first.
			a.ledger.pause()
			a.ledger.serve(*b.ledger.root.Load())
			_, err := a.client().Flush(testContext(t), o, FlushOptions{})
			var fork *ForkError
			if !errors.As(err, &fork) || fork.Hint() == "" || fork.Seen.Size != 4 || fork.Got.Size != uint64(n) {
				t.Fatalf("flush: %v", err)
			}
			evidence, err := o.Evidence(testContext(t))
			if err != nil || len(evidence) != 1 {
				t.Fatalf("evidence %v, %v", evidence, err)
			}
			for _, note := range [][]byte{evidence[0].Seen, evidence[0].Got} {
				if _, err := a.ledger.log.OpenCheckpoint(note); err != nil {
					t.Fatal(err)
				}
			}
			if s := status(t, o); s.Recorders[0].Pending.Envelopes != 3 || s.TreeSize != 4 || s.Evidence != 1 {
				t.Fatalf("status %+v", s)
			}
		})
	}
	t.Run("announced", func(t *testing.T) {
		a, b, o := prepare(t)
		o2 := b.outbox(Options{MaxEvents: 1})
		b.add(o2, other, "x", 0, 7)
		b.flush(b.client(), o2)
		a.ledger.pause()
		a.ledger.serve(*b.ledger.root.Load())
		a.add(o, a.recorder, "a", 4, 1)
		c := a.client()
		c.config.Poll = testTime // nothing but the announcement
		done := make(chan error, 1)
		go func() {
			_, err := c.Flush(testContext(t), o, FlushOptions{})
			done <- err
		}()
		note := o2.Checkpoint().Note
		for {
			_ = a.ledger.nc.Publish(events.SubjectCheckpoints, note)
			select {
			case err := <-done:
				var fork *ForkError
				if !errors.As(err, &fork) {
					t.Fatal(err)
				}
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// What the ledger answers is believed only as far as the tree proves it.
func TestWrongAnswersAreNotBelieved(t *testing.T) {
	for name, lie := range map[string]func(*events.GetRequest, *events.GetResponse){
		"another leaf": func(_ *events.GetRequest, r *events.GetResponse) {
			for i := range r.Accepted {
				if r.Accepted[i].First == 2 {
					r.Accepted[i].Leaf = 0
				}
			}
		},
		"accepted though rejected": func(q *events.GetRequest, r *events.GetResponse) {
			for i := range r.Accepted {
				if r.Accepted[i].First == 2 {
					r.Accepted = append(r.Accepted[:i], r.Accepted[i+1:]...)
					break
				}
			}
			for _, b := range q.Bodies {
				if r.Seq < 4 {
					continue
				}
				r.Rejected = append(r.Rejected, events.RejectedPlace{Body: b, Leaf: 1, Code: "schema"})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.ledger.set(func() { w.ledger.lie = lie })
			o, c := w.outbox(Options{MaxEvents: 1}), w.client()
			w.add(o, w.recorder, "a", 0, 4)
			r, err := c.Flush(testContext(t), o, FlushOptions{})
			var h interface{ Hint() string }
			if err == nil || !strings.Contains(err.Error(), "is not its") || !errors.As(err, &h) || r.Envelopes != 3 || r.Rejected != 0 {
				t.Fatalf("flush %+v, %v", r, err)
			}
			if s := status(t, o).Recorders[0]; s.Pending.Envelopes != 1 || s.Receipts.Envelopes != 3 || s.RejectedCount != 0 {
				t.Fatalf("status %+v", s)
			}
			w.ledger.set(func() { w.ledger.lie = nil })
			if r := w.flush(c, o); r.Envelopes != 1 || r.Published != 0 {
				t.Fatalf("flush %+v", r)
			}
			w.checkReceipts(o, 4)
		})
	}
}

// Whatever is served in place of the tree, no body is forgotten for it.
func TestBrokenTreeIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	o := w.outbox(Options{MaxEvents: 1})
	const n = 300 // more than a tile
	w.add(o, w.recorder, "a", 0, n)
	tree := *w.ledger.root.Load()

	// All of it is in the tree first, so that every proof needs both levels.
	w.ledger.serve(http.HandlerFunc(http.NotFound))
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		defer cancel()
		for size := ""; size != strconv.Itoa(n) && ctx.Err() == nil; {
			answer := httptest.NewRecorder()
			tree.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/checkpoint", nil))
			if lines := strings.Split(answer.Body.String(), "\n"); len(lines) > 1 {
				size = lines[1]
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	if r, err := w.client().Flush(ctx, o, FlushOptions{}); !errors.Is(err, context.Canceled) || r.Envelopes != 0 {
		t.Fatalf("flush %+v, %v", r, err)
	}
	for name, wrong := range map[string]http.HandlerFunc{
		"entries": func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/tile/entries/") {
				_, _ = rw.Write(make([]byte, 512)) // empty entries
				return
			}
			tree.ServeHTTP(rw, r)
		},
		"hashes": func(rw http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/tile/1/") {
				_, _ = rw.Write(make([]byte, 32))
				return
			}
			tree.ServeHTTP(rw, r)
		},
		"checkpoint": func(rw http.ResponseWriter, r *http.Request) {
			_, _ = rw.Write([]byte("ledger.example.my/saksi/test\n3\nAAAA\n"))
		},
		"nothing": http.NotFound,
	} {
		w.ledger.serve(wrong)
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		r, err := w.client().Flush(ctx, o, FlushOptions{})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || r.Envelopes != 0 {
			t.Fatalf("%s: flush %+v, %v", name, r, err)
		}
		if s := status(t, o).Recorders[0]; s.Pending.Envelopes != n {
			t.Fatalf("%s: status %+v", name, s)
		}
	}
	w.ledger.serve(tree)
	w.flush(w.client(), o)
	w.checkReceipts(o, n)
}

func TestLostOutboxAdoptsHead(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	old := w.outbox(Options{MaxEvents: 3})
	others := []events.Recorder{mustRecorder(t, "nimbus-my/lab-1/a"), mustRecorder(t, "nimbus-my/lab-1/b"), mustRecorder(t, "nimbus-my/lab-1/c"), mustRecorder(t, "nimbus-my/lab-1/d")}
	for _, r := range append(others, w.recorder) {
		w.add(old, r, "a", 0, 10)
	}
	w.flush(c, old)
	heads, err := c.Head(testContext(t))
	if err != nil || len(heads) != 5 {
		t.Fatalf("heads %v, %v", heads, err)
	}

	o := w.outbox(Options{})
	if err := c.Prepare(testContext(t), o, w.recorder); err != nil {
		t.Fatal(err)
	}
	if err := c.Prepare(testContext(t), o, w.recorder); err != nil { // again
		t.Fatal(err)
	}
	if a := w.add(o, w.recorder, "new", 0, 2); a.Incarnation != 2 || a.First != 1 {
		t.Fatalf("added %+v", a)
	}
	if r := w.flush(c, o); r.Envelopes != 1 {
		t.Fatalf("flush %+v", r)
	}
	w.ledger.set(func() {
		last := w.ledger.bodies[len(w.ledger.bodies)-1].Manifest
		if last.Incarnation != 2 || last.First != 1 || last.Previous != heads[headIndex(heads, w.recorder)].Manifest {
			t.Errorf("last manifest %+v", last)
		}
	})

	// The old one comes back: it is refused, here and there.
	var stale *StaleError
	if err := c.Prepare(testContext(t), old, w.recorder); !errors.As(err, &stale) || stale.Hint() == "" {
		t.Fatalf("prepare: %v", err)
	}
	if _, err := old.Add(testContext(t), w.recorder, drafts(t, w.recorder, "late", 0, 1), w.signer); !errors.As(err, &stale) {
		t.Fatalf("add: %v", err)
	}
	for _, s := range status(t, old).Recorders {
		if (s.Stale != "") != (s.Recorder == w.recorder.String()) {
			t.Fatalf("status %+v", s)
		}
	}
	w.add(old, others[0], "more", 0, 1)
	w.flush(c, old)
}

func headIndex(heads []events.Head, r events.Recorder) int {
	for i, h := range heads {
		if h.Recorder == r.String() {
			return i
		}
	}
	return -1
}

// An outbox that began without asking, or that was restored from a copy, is not
// let to contradict what is there.
func TestStaleOutboxRefuses(t *testing.T) {
	w := newWorld(t)
	c := w.client()
	o := w.outbox(Options{MaxEvents: 3})
	w.add(o, w.recorder, "a", 0, 10)
	w.flush(c, o)

	blind := w.outbox(Options{MaxEvents: 3})
	badge := mustRecorder(t, "nimbus-my/lab-1/badge-1")
	w.add(blind, w.recorder, "b", 0, 20)
	w.add(blind, badge, "b", 0, 20)
	r, err := c.Flush(testContext(t), blind, FlushOptions{})
	var stale *StaleError
	if !errors.As(err, &stale) || stale.Recorder != w.recorder || r.Envelopes != 7 || r.Published != 7 {
		t.Fatalf("flush %+v, %v", r, err)
	}
	if s := status(t, blind); s.Recorders[1].Pending.Events != 20 || s.Recorders[0].Receipts.Events != 20 {
		t.Fatalf("status %+v", s)
	}
	w.checkLedger(w.recorder, 10)
	if _, err := blind.Add(testContext(t), w.recorder, drafts(t, w.recorder, "c", 0, 1), w.signer); !errors.As(err, &stale) {
		t.Fatalf("add: %v", err)
	}

	// While the ledger says nothing, it is not let to begin either.
	silent := w.outbox(Options{})
	w.add(silent, w.recorder, "d", 0, 1)
	w.ledger.nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if r, err := c.Flush(ctx, silent, FlushOptions{}); !errors.Is(err, context.DeadlineExceeded) || r.Published != 0 {
		t.Fatalf("flush %+v, %v", r, err)
	}
}

// Two outboxes that write for one recorder at the same time notice at the
// broker, before the ledger says anything.
func TestAnotherWriterIsNoticed(t *testing.T) {
	w := newWorld(t)
	o, c := w.outbox(Options{MaxEvents: 1}), w.client()
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	done := make(chan error, 1)
	received := make(chan int, 1000)
	go func() {
		_, err := c.Run(ctx, o, FlushOptions{Progress: func(p Progress) { received <- p.Envelopes }})
		done <- err
	}()
	w.add(o, w.recorder, "a", 0, 3)
	for n := range received {
		if n == 3 {
			break
		}
	}
	w.ledger.pause()
	stranger := w.outbox(Options{})
	w.add(stranger, w.recorder, "b", 0, 1)
	var body []byte
	if err := stranger.db.QueryRow("SELECT body FROM body").Scan(&body); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ledger.nc.Request(w.recorder.Subject(), body, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	go func() {
		for range received {
		}
	}()
	w.add(o, w.recorder, "c", 0, 3)
	err := <-done
	close(received)
	var stale *StaleError
	if !errors.As(err, &stale) || !strings.Contains(err.Error(), "another outbox publishes") {
		t.Fatalf("run: %v", err)
	}
	if s := status(t, o).Recorders[0]; s.Pending.Envelopes != 3 {
		t.Fatalf("status %+v", s)
	}
	js, err := jetstream.New(w.ledger.nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(testContext(t), "EVENTS")
	if err != nil || stream.CachedInfo().State.LastSeq != 4 {
		t.Fatalf("stream: %v, %+v: want 4 messages", err, stream)
	}
}
