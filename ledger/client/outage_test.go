package client

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
)

func TestOfflineThenOnline(t *testing.T) {
	w := newWorld(t)
	o := w.outbox(Options{MaxEvents: 7})
	w.broker.stop()
	c := w.client() // no error: the broker is away
	w.add(o, w.recorder, "a", 0, 50)

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	r, err := c.Flush(ctx, o, FlushOptions{})
	var h interface{ Hint() string }
	if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &h) || !strings.Contains(err.Error(), w.broker.url()) {
		t.Fatalf("flush without a broker: %+v, %v", r, err)
	}
	if s := status(t, o); s.Recorders[0].Pending.Events != 50 || s.Recorders[0].Oldest.IsZero() {
		t.Fatalf("status %+v", s)
	}

	done := make(chan error, 1)
	var offline atomic.Bool
	go func() {
		_, err := c.Flush(testContext(t), o, FlushOptions{Progress: func(p Progress) {
			if p.Offline != nil {
				offline.Store(true)
			}
		}})
		done <- err
	}()
	eventually(t, "it says that the broker is away", offline.Load)
	w.broker.start()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.checkReceipts(o, 8)
	w.checkLedger(w.recorder, 50)
}

func TestLedgerAwayAndBack(t *testing.T) {
	w := newWorld(t)
	w.ledger.pause()
	o, c := w.outbox(Options{MaxEvents: 4}), w.client()
	w.add(o, w.recorder, "a", 0, 40)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	if r, err := c.Flush(ctx, o, FlushOptions{Progress: func(p Progress) {
		if p.Published == 10 {
			cancel()
		}
	}}); !errors.Is(err, context.Canceled) || r.Published != 10 || r.Lost != 0 {
		t.Fatalf("flush to a ledger that does not read: %+v, %v", r, err)
	}
	w.ledger.resume()
	eventually(t, "the ledger has read what was sent", func() bool { _, seq := w.ledger.position(); return seq == 10 })
	// The next flush finds them by asking.
	if r := w.flush(c, o); r.Published != 0 || r.Envelopes != 10 {
		t.Fatalf("flush: %+v", r)
	}
	w.checkReceipts(o, 10)
	w.checkLedger(w.recorder, 40)
}

// The broker dies again and again with windows in flight: what the ledger
// accepts is in order all the same, and each envelope once.
func TestOrderWithBrokerRestarts(t *testing.T) {
	w := newWorld(t)
	o := w.outbox(Options{MaxEvents: 1})
	config := w.config()
	config.Window = 32
	c, err := Dial(testContext(t), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	restarts := slowtest.Pick(2, 4, 4)
	n := 1000 * restarts
	badge := mustRecorder(t, "nimbus-my/lab-1/badge-1")
	w.add(o, w.recorder, "a", 0, n)
	w.add(o, badge, "b", 0, n)
	var published atomic.Int64
	done := make(chan error, 1)
	var result Result
	go func() {
		var err error
		result, err = c.Flush(testContext(t), o, FlushOptions{Progress: func(p Progress) { published.Store(int64(p.Published)) }})
		done <- err
	}()
	for restart := range restarts {
		eventually(t, "some is published", func() bool { return published.Load() > int64(restart*1200+300) })
		w.broker.stop()
		w.broker.start()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", result)
	w.checkReceipts(o, 2*n)
	w.checkLedger(w.recorder, n)
	w.checkLedger(badge, n)
}

func TestLostAfterAcknowledgement(t *testing.T) {
	acked := func(t *testing.T, w *world, o *Outbox, c *Client, want int) (wait func() Result) {
		var published atomic.Int64
		done := make(chan error, 1)
		var r Result
		go func() {
			var err error
			r, err = c.Flush(testContext(t), o, FlushOptions{Progress: func(p Progress) { published.Store(int64(p.Published)) }})
			done <- err
		}()
		eventually(t, "all is acknowledged", func() bool { return published.Load() == int64(want) })
		return func() Result {
			t.Helper()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			return r
		}
	}
	stream := func(t *testing.T, w *world) (jetstream.JetStream, jetstream.Stream) {
		js, err := jetstream.New(w.broker.connect())
		if err != nil {
			t.Fatal(err)
		}
		s, err := js.Stream(testContext(t), "EVENTS")
		if err != nil {
			t.Fatal(err)
		}
		return js, s
	}

	t.Run("stream replaced", func(t *testing.T) {
		w := newWorld(t)
		o, c := w.outbox(Options{MaxEvents: 1}), w.client()
		w.add(o, w.recorder, "before", 0, 5)
		w.flush(c, o)
		w.ledger.pause()
		w.add(o, w.recorder, "a", 0, 20)
		wait := acked(t, w, o, c, 20)
		js, _ := stream(t, w)
		if err := js.DeleteStream(testContext(t), "EVENTS"); err != nil {
			t.Fatal(err)
		}
		w.broker.createStream(js)
		w.ledger.newEpoch()
		w.ledger.resume()
		r := wait()
		if r.Lost != 20 || r.Envelopes != 20 || r.Published < 40 {
			t.Fatalf("flush %+v", r)
		}
		w.checkReceipts(o, 25)
		w.checkLedger(w.recorder, 25)
	})

	t.Run("one message", func(t *testing.T) {
		w := newWorld(t)
		o, c := w.outbox(Options{MaxEvents: 1}), w.client()
		w.ledger.pause()
		w.add(o, w.recorder, "a", 0, 20)
		wait := acked(t, w, o, c, 20)
		_, s := stream(t, w)
		if err := s.DeleteMsg(testContext(t), 7); err != nil {
			t.Fatal(err)
		}
		w.ledger.resume()
		if r := wait(); r.Lost == 0 || r.Lost > 14 || r.Envelopes != 20 {
			t.Fatalf("flush %+v", r)
		}
		w.checkReceipts(o, 20)
	})

	t.Run("in the last message", func(t *testing.T) {
		// Nothing follows it, so only a later message or epoch tells.
		w := newWorld(t)
		o, c := w.outbox(Options{MaxEvents: 1}), w.client()
		w.ledger.pause()
		w.add(o, w.recorder, "a", 0, 3)
		wait := acked(t, w, o, c, 3)
		_, s := stream(t, w)
		if err := s.DeleteMsg(testContext(t), 3); err != nil {
			t.Fatal(err)
		}
		w.ledger.resume()
		other := mustRecorder(t, "nimbus-my/lab-1/other")
		o2, c2 := w.outbox(Options{}), w.client()
		w.add(o2, other, "b", 0, 1)
		w.flush(c2, o2)
		if r := wait(); r.Lost != 1 || r.Envelopes != 3 {
			t.Fatalf("flush %+v", r)
		}
		w.checkLedger(w.recorder, 3)
	})

	t.Run("in the last message, and nobody says anything after", func(t *testing.T) {
		slowtest.Skip(t, "waits 20 s for a ledger at a standstill")
		w := newWorld(t)
		o, c := w.outbox(Options{MaxEvents: 1}), w.client()
		w.ledger.pause()
		w.add(o, w.recorder, "a", 0, 3)
		wait := acked(t, w, o, c, 3)
		_, s := stream(t, w)
		if err := s.DeleteMsg(testContext(t), 3); err != nil {
			t.Fatal(err)
		}
		w.ledger.resume()
		if r := wait(); r.Lost != 1 || r.Envelopes != 3 {
			t.Fatalf("flush %+v", r)
		}
		w.checkLedger(w.recorder, 3)
	})
}

func TestRejectedStaysUntilRequeued(t *testing.T) {
	for _, announced := range []bool{true, false} {
		w := newWorld(t)
		var refuse atomic.Bool
		refuse.Store(true)
		w.ledger.set(func() {
			w.ledger.reject = func(e *events.Envelope) string {
				if refuse.Load() && e.Manifest.First == 3 {
					return "unknown_key"
				}
				return ""
			}
		})
		o, c := w.outbox(Options{MaxEvents: 1}), w.client()
		w.add(o, w.recorder, "a", 0, 5)
		if !announced { // as when the ledger was restarted, or the party away
			ctx, cancel := context.WithCancel(context.Background())
			w.ledger.pause()
			_, err := c.Flush(ctx, o, FlushOptions{Progress: func(p Progress) {
				if p.Sent == 5 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			_ = c.Close()
			w.ledger.resume()
			eventually(t, "the ledger has read what was sent", func() bool { _, seq := w.ledger.position(); return seq == 5 })
			c = w.client()
		}
		if r := w.flush(c, o); r.Rejected != 1 || r.Envelopes != 4 {
			t.Fatalf("flush %+v", r)
		}
		s := status(t, o).Recorders[0]
		if s.RejectedCount != 1 || s.Rejected[0].Code != "unknown_key" || s.Rejected[0].Reason != "because of unknown_key" || s.Rejected[0].First != 3 {
			t.Fatalf("status %+v", s)
		}
		manifest := s.Rejected[0].Manifest
		if r, ok, err := o.Receipt(testContext(t), manifest); err != nil || !ok || r.Code != "unknown_key" {
			t.Fatalf("receipt of the rejection: %+v, %v, %v", r, ok, err)
		}
		if r := w.flush(c, o); r.Published != 0 {
			t.Fatalf("sent again unasked: %+v", r)
		}
		// In vain: the reason is still there.
		if n, err := o.Requeue(testContext(t), manifest); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if r := w.flush(c, o); r.Published != 1 || r.Rejected != 1 {
			t.Fatalf("flush %+v", r)
		}
		second := status(t, o).Recorders[0].Rejected[0]
		if second.Leaf <= s.Rejected[0].Leaf {
			t.Fatalf("leaf %d after %d", second.Leaf, s.Rejected[0].Leaf)
		}
		refuse.Store(false)
		r, err := c.Flush(testContext(t), o, FlushOptions{Resend: true})
		if err != nil || r.Envelopes != 1 {
			t.Fatalf("flush %+v, %v", r, err)
		}
		w.checkReceipts(o, 5)
		if _, err := o.Requeue(testContext(t), manifest); err == nil {
			t.Fatal("requeued what was accepted")
		}
	}
}

func TestForgetRejected(t *testing.T) {
	w := newWorld(t)
	w.ledger.set(func() {
		w.ledger.reject = func(e *events.Envelope) string {
			if e.Manifest.First == 1 {
				return "schema"
			}
			return ""
		}
	})
	o, c := w.outbox(Options{MaxEvents: 2}), w.client()
	w.add(o, w.recorder, "a", 0, 4)
	w.flush(c, o)
	m := status(t, o).Recorders[0].Rejected[0].Manifest
	if n, err := o.Forget(testContext(t), m); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if a := w.add(o, w.recorder, "a", 0, 4); a.Events != 2 || a.First != 5 {
		t.Fatalf("added %+v", a)
	}
	if r := w.flush(c, o); r.Envelopes != 1 {
		t.Fatalf("flush %+v", r)
	}
	w.checkReceipts(o, 3) // one of them a rejection's
}

// Numbers that are missing for good end with the incarnation that they are of.
func TestRestart(t *testing.T) {
	w := newWorld(t)
	w.ledger.set(func() {
		w.ledger.reject = func(e *events.Envelope) string {
			if e.Manifest.First == 3 && e.Manifest.Incarnation == 1 {
				return "schema"
			}
			return ""
		}
	})
	o, c := w.outbox(Options{MaxEvents: 2}), w.client()
	if _, err := o.Restart(testContext(t), w.recorder); err == nil {
		t.Fatal("a recorder that nothing is known of was begun anew")
	}
	w.add(o, w.recorder, "a", 0, 4)
	if _, err := o.Restart(testContext(t), w.recorder); err == nil {
		t.Fatal("an incarnation was begun while events wait")
	}
	w.flush(c, o)
	rejected := status(t, o).Recorders[0].Rejected[0].Manifest
	if _, err := o.Restart(testContext(t), w.recorder); err == nil {
		t.Fatal("an incarnation was begun while a rejection waits for a decision")
	}
	if _, err := o.Forget(testContext(t), rejected); err != nil {
		t.Fatal(err)
	}
	from, to := time.Now().Add(-time.Hour), time.Now()
	if _, _, err := o.Period(testContext(t), w.recorder, from, to); err == nil {
		t.Fatal("it is sworn to numbers that are missing")
	}
	n, err := o.Restart(testContext(t), w.recorder)
	if err != nil || n != 2 {
		t.Fatalf("incarnation %d: %v", n, err)
	}
	if a := w.add(o, w.recorder, "b", 0, 2); a.First != 1 || a.Incarnation != 2 {
		t.Fatalf("added %+v", a)
	}
	if r := w.flush(c, o); r.Envelopes != 1 || r.Rejected != 0 {
		t.Fatalf("flush %+v", r)
	}
	began := time.Now()
	p, _, err := o.Period(testContext(t), w.recorder, began.Add(-time.Minute), began)
	if err == nil {
		t.Fatalf("it swears for before it began: %+v", p)
	}
	if _, err := o.Restart(testContext(t), w.recorder); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Restart(testContext(t), w.recorder); err == nil {
		t.Fatal("an incarnation that said nothing was ended")
	}
}

func TestFollow(t *testing.T) {
	w := newWorld(t)
	o, c := w.outbox(Options{MaxEvents: 1}), w.client()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var got atomic.Int64
	go func() {
		_, err := c.Run(ctx, o, FlushOptions{Progress: func(p Progress) { got.Store(int64(p.Envelopes)) }})
		done <- err
	}()
	for i := range 5 {
		w.add(o, w.recorder, "a", i*10, 10)
		eventually(t, "its receipts are there", func() bool { return got.Load() == int64(i+1)*10 })
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w.checkReceipts(o, 50)
	w.checkLedger(w.recorder, 50)
}
