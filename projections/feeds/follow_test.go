package feeds_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

func TestFollowGoesOn(t *testing.T) {
	t.Parallel()
	w := started(t)
	w.publishTo(newHistory(1001), nil)
	checkNumbers(t, w.follow("touches", feeds.Mark{}, 300, nil), 1, 300)
	checkNumbers(t, w.follow("touches", feeds.Mark{Version: 1, Change: 300}, 300, nil), 301, 600)
	// Behind what was acknowledged, only FromStart helps.
	checkNumbers(t, w.follow("touches", feeds.Mark{Version: 1, Change: 10}, 20, func(s *feeds.Subscription) { s.FromStart = true }), 11, 30)
	// Ahead of it, repeats are passed over.
	checkNumbers(t, w.follow("touches", feeds.Mark{Version: 1, Change: 900}, 0, func(s *feeds.Subscription) { s.Idle = 300 * time.Millisecond }), 901, 1000)
	if more := w.follow("touches", feeds.Mark{Version: 1, Change: 1000}, 0, func(s *feeds.Subscription) { s.Idle = 100 * time.Millisecond }); len(more) > 0 {
		t.Errorf("%d more", len(more))
	}
}

// What wasn't handled comes again, at once and in order.
func TestFollowAfterAFailure(t *testing.T) {
	t.Parallel()
	w := started(t)
	w.publishTo(newHistory(1001), nil)
	var got []feeds.Message
	broken := errors.New("disk full")
	for done := false; !done; {
		var last feeds.Mark
		if len(got) > 0 {
			last = got[len(got)-1].Mark
		}
		times := 0
		err := feeds.Follow(testContext(t), feeds.Subscription{
			Conn: w.reader(), Domain: events.FeedsDomain, Reader: readerName, View: "touches", After: last, Idle: 500 * time.Millisecond,
			Handle: func(m []feeds.Message) error {
				if times++; times == 2 {
					return broken
				}
				got = append(got, m...)
				return nil
			},
		})
		if done = err == nil; !done && !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	checkNumbers(t, got, 1, 1000)
}

// Deliveries that went elsewhere are noticed, and nothing is handled out of order.
func TestFollowNoticesLostDeliveries(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(1)
	w.publisher(h, nil)
	thief, err := jetstream.NewWithDomain(w.reader(), events.FeedsDomain)
	must(t, err)
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if c, err := thief.Consumer(ctx, "FEEDS", readerName+"_touches"); err == nil {
				if b, err := c.Fetch(3, jetstream.FetchMaxWait(20*time.Millisecond)); err == nil {
					for range b.Messages() {
					}
				}
			}
			time.Sleep(30 * time.Millisecond)
		}
	}()
	go func() {
		for size := uint64(1); size <= 2001; size += 40 {
			h.grow(size)
			time.Sleep(10 * time.Millisecond)
		}
		h.grow(2001)
	}()
	checkNumbers(t, w.follow("touches", feeds.Mark{}, 2000, nil), 1, 2000)
}

func TestFollowWithoutConsumer(t *testing.T) {
	t.Parallel()
	w := started(t)
	began := time.Now()
	err := feeds.Follow(testContext(t), feeds.Subscription{
		Conn: w.reader(), Domain: events.FeedsDomain, Reader: readerName, View: "touches", Patience: 700 * time.Millisecond,
		Handle: func([]feeds.Message) error { return nil },
	})
	if !errors.Is(err, feeds.ErrNoConsumer) || time.Since(began) < 700*time.Millisecond {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

func TestFollowEndsWithASuspension(t *testing.T) {
	t.Parallel()
	w := started(t)
	w.publishTo(newHistory(10), nil)
	handled := make(chan struct{}, 100)
	nc := w.reader()
	done := make(chan error, 1)
	go func() {
		done <- feeds.Follow(testContext(t), feeds.Subscription{
			Conn: nc, Domain: events.FeedsDomain, Reader: readerName, View: "touches",
			Handle: func(m []feeds.Message) error { handled <- struct{}{}; return nil },
		})
	}()
	<-handled
	must(t, w.auth.SuspendReader(testContext(t), w.url, readerName))
	select {
	case err := <-done:
		if err == nil {
			t.Error("it ended as if all were well")
		}
		t.Log(err)
	case <-testContext(t).Done():
		t.Fatal("it goes on")
	}
}
