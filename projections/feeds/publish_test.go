package feeds_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

func TestPublishedInOrder(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(3000)
	w.publishTo(h, nil)
	same(t, w.stored(), wanted(3000))
	// Again, and with more.
	w.publishTo(h, nil)
	h.grow(3100)
	w.publishTo(h, nil)
	same(t, w.stored(), wanted(3100))
}

// A publisher that ends before any view has had a change leaves its positions, and no
// message. The next one begins.
func TestStartedAgainBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(1) // leaf 0 changes nothing
	for range 2 {
		published := make(chan struct{})
		var once sync.Once
		stop := w.publisher(h, func(c *feeds.Config) { c.Published = func(uint64) { once.Do(func() { close(published) }) } })
		<-published
		must(t, stop())
	}
	h.grow(30)
	w.publishTo(h, nil)
	same(t, w.stored(), wanted(30))
}

// However the views come along, the order is the same.
func TestPublishedInOrderAsItGrows(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(0)
	stop := w.publisher(h, nil)
	for size := uint64(1); size <= 300; size += 7 {
		h.grow(size)
		time.Sleep(time.Duration(size%3) * time.Millisecond)
	}
	h.grow(300)
	got := w.follow("touches", feeds.Mark{}, 299, nil)
	checkNumbers(t, got, 1, 299)
	must(t, stop())
	same(t, w.stored(), wanted(300))
}

func TestMessageIsACloudEvent(t *testing.T) {
	t.Parallel()
	w := started(t)
	w.publishTo(newHistory(4), nil)
	m, err := w.stream().GetMsg(testContext(t), 3) // of leaf 3, "sessions" comes before "touches"
	must(t, err)
	if m.Subject != "feeds.sessions.lab-1.cirrus-my" || m.Header.Get("Saksi-Change") != "1" || m.Header.Get("Saksi-Leaf") != "3" {
		t.Errorf("on %s with %v", m.Subject, m.Header)
	}
	e := event.New()
	must(t, json.Unmarshal(m.Data, &e))
	must(t, e.Validate())
	if e.ID() != "sessions/1/1" || e.Source() != "/"+origin+"/views" || e.Type() != "saksi.feed.sessions.v1" || !e.Time().Equal(epoch.Add(3*time.Second)) || e.Subject() != "sessions-1" {
		t.Errorf("event: %s", e)
	}
	want := `{"change":1,"leaf":3,"size":4,"kind":"added","key":"sessions-1","row":{"facility":"lab-1","operator":"cirrus-my","n":1,"evidence":{"refs":["3/0"]}}}`
	if got := string(e.Data()); got != want {
		t.Errorf("data %s, want %s", got, want)
	}
	if bytes.ContainsRune(m.Data, '\n') {
		t.Error("it is more than one line")
	}
	if none, err := w.stream().GetMsg(testContext(t), 2); err != nil || none.Subject != "feeds.touches._.nimbus-my" {
		t.Errorf("a row without a facility is on %v (%v)", none, err)
	}
}

func TestNewVersionIsPublishedWhole(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(50)
	w.publishTo(h, nil)
	second := slices.Clone(views)
	second[0].Version = 2 // touches
	w.publishTo(h, func(c *feeds.Config) { c.Views = second })
	got := w.stored()
	same(t, got[:len(wanted(50))], wanted(50))
	for i, id := range got[len(wanted(50)):] {
		if !strings.HasPrefix(id, "touches/2/") || i >= 49 {
			t.Errorf("then came %s", id)
		}
	}
	if len(got) != len(wanted(50))+49 {
		t.Errorf("%d messages", len(got))
	}
	// A subscriber that has all of version 1 gets all of version 2, once.
	after := w.follow("touches", feeds.Mark{Version: 1, Change: 49}, 49, nil)
	checkNumbers(t, after, 1, 49)
	if after[0].Version != 2 {
		t.Errorf("version %d", after[0].Version)
	}
	// And a program from before doesn't publish over it.
	older := feeds.Config{Conn: w.projections(), Ensure: w.ensure, Origin: origin, Source: h, Views: views, Wake: h.wake, Log: quiet()}
	if e := feeds.Publish(testContext(t), older); e == nil || !strings.Contains(e.Error(), "older") {
		t.Errorf("an older program went on: %v", e)
	}
	if n := len(w.stored()); n != len(got) {
		t.Errorf("an older program published %d messages", n-len(got))
	}
}

// What was dropped for its age isn't published again.
func TestAgedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.MaxAge = time.Second
	w.start()
	h := newHistory(50)
	w.publishTo(h, nil)
	for deadline := time.Now().Add(5 * time.Minute); len(w.stored()) > 0; {
		if time.Now().After(deadline) {
			t.Fatal("messages don't age")
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.publishTo(h, nil)
	if got := w.stored(); len(got) > 0 {
		t.Errorf("%d were published again, from %s", len(got), got[0])
	}
	h.grow(52)
	w.publishTo(h, nil)
	same(t, w.stored(), []string{"touches/1/50", "sessions/1/17", "touches/1/51"})
}

func TestLease(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(10)
	w.publishTo(h, nil)
	first := w.publisher(h, func(c *feeds.Config) { c.Holder = "first" })
	h.grow(20)
	w.follow("touches", feeds.Mark{}, 19, nil)
	published := make(chan uint64, 100)
	w.publisher(h, func(c *feeds.Config) {
		c.Holder = "second"
		c.Published = func(size uint64) { published <- size }
	})
	h.grow(30)
	w.follow("touches", feeds.Mark{Version: 1, Change: 19}, 10, nil)
	time.Sleep(1500 * time.Millisecond) // more than two leases
	if len(published) > 0 {
		t.Fatal("a second publisher published while the first had the lease")
	}
	began := time.Now()
	must(t, first())
	select {
	case <-published:
	case <-time.After(5 * time.Minute):
		t.Fatal("nobody took the lease over")
	}
	t.Logf("taken over after %v", time.Since(began))
	h.grow(40)
	w.follow("touches", feeds.Mark{Version: 1, Change: 29}, 10, nil)
	same(t, w.stored(), wanted(40))
}

// A publisher that died and is started again goes on at once: it does not wait for the end
// of its own lease, which is an hour here.
func TestOwnLeaseOfTheDead(t *testing.T) {
	t.Parallel()
	w := started(t)
	w.options.Lease = time.Hour
	h := newHistory(10)
	for n := range 2 {
		dying := w.projections()
		w.publisher(h, func(c *feeds.Config) { c.Holder, c.Conn = "first", dying })
		w.follow("touches", feeds.Mark{Version: n, Change: uint64(9 * n)}, 9+n, nil)
		dying.Close()
		h.grow(20)
	}
	same(t, w.stored(), wanted(20))
}

// A publisher that died is followed by another when its lease ends.
func TestLeaseOfTheDead(t *testing.T) {
	slowtest.Skip(t, "waits 10 s for the end of a lease")
	t.Parallel()
	w := started(t)
	w.options.Lease = 10 * time.Second
	h := newHistory(10)
	dying := w.projections()
	w.publisher(h, func(c *feeds.Config) { c.Holder, c.Conn = "first", dying })
	w.follow("touches", feeds.Mark{}, 9, nil)
	dying.Close()
	h.grow(20)
	began := time.Now()
	w.publisher(h, func(c *feeds.Config) { c.Holder = "second" })
	w.follow("touches", feeds.Mark{Version: 1, Change: 9}, 10, nil)
	if took := time.Since(began); took < 3*time.Second {
		t.Errorf("another took the lease over after %v, and it held for 10s", took)
	}
	same(t, w.stored(), wanted(20))
}

// Even publishers that don't respect the lease, here because they take each other
// for themselves, store everything once and in order.
func TestPublishersAgainstEachOther(t *testing.T) {
	t.Parallel()
	w := started(t)
	h := newHistory(1)
	for range 3 {
		w.publisher(h, func(c *feeds.Config) { c.Holder = "same" })
	}
	go func() {
		for size := uint64(1); size < 3000; size += 20 {
			h.grow(size)
			time.Sleep(10 * time.Millisecond)
		}
		h.grow(3000)
	}()
	got := w.follow("touches", feeds.Mark{}, 2999, func(s *feeds.Subscription) {
		s.Idle = 10 * time.Second
		s.Trouble = func(err error) { t.Log(err) }
	})
	same(t, w.stored(), wanted(3000))
	checkNumbers(t, got, 1, 2999)
}
