package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

// reader is a client of server-sent events, as browsers are.
type reader struct {
	lastID string
	events []feeds.Event
}

// follow reads until stop says so, or the stream ends.
func (r *reader) follow(ctx context.Context, base, who, path string, stop func(*reader) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+who)
	if r.lastID != "" {
		request.Header.Set("Last-Event-ID", r.lastID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		return fmt.Errorf("%d %s", response.StatusCode, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	id, data := r.lastID, ""
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "": // dispatch
			r.lastID = id
			if data != "" {
				var e feeds.Event
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					return err
				}
				if !strings.HasSuffix(e.ID, "/"+id) {
					return fmt.Errorf("event %s has the id %s", e.ID, id)
				}
				r.events = append(r.events, e)
				data = ""
			}
			if stop(r) {
				return nil
			}
		case field == "id":
			id = value
		case field == "data":
			data += value
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

func (r *reader) numbers() []uint64 {
	var list []uint64
	for _, e := range r.events {
		list = append(list, e.Data.Change)
	}
	return list
}

// leaves are the numbers of first changes of the changes' leaves: of marks, their own.
func (r *reader) leaves() []uint64 {
	var list []uint64
	for _, e := range r.events {
		list = append(list, numberOf(e.Data.Leaf))
	}
	return list
}

// changes are all that there are of a view.
func (w *world) changes(view string) []projections.Change {
	var all []projections.Change
	for {
		after := uint64(0)
		if len(all) > 0 {
			after = all[len(all)-1].Number
		}
		more, err := w.store.Changes(w.t.Context(), view, after, 100)
		w.must(err)
		if len(more) == 0 {
			return all
		}
		all = append(all, more...)
	}
}

// Readers that are cut off at any moment, while the ledger grows, miss nothing and
// get nothing twice.
func TestFeedReconnects(t *testing.T) {
	const size = 300
	w := newWorld(t, 50)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var group sync.WaitGroup
	readers := make([]reader, 4)
	views := []string{"marks", "some-lights"}
	for i := range readers {
		path := feedPath(views[i%2])
		random := rand.New(rand.NewPCG(uint64(i), 7))
		r := &readers[i]
		last := func(r *reader) bool {
			return len(r.events) > 0 && r.events[len(r.events)-1].Data.Leaf == size-1
		}
		group.Go(func() {
			for patience := 20; !last(r) && ctx.Err() == nil; {
				before := len(r.events)
				quota := before + 1 + random.IntN(60)
				until, stopped := context.WithTimeout(ctx, time.Duration(1+random.IntN(patience))*time.Millisecond)
				err := r.follow(until, w.server.URL, "supervisor", path, func(r *reader) bool { return last(r) || len(r.events) >= quota })
				ended := until.Err() != nil
				stopped()
				// A slow machine gets further nevertheless.
				if patience = max(20, patience/2); len(r.events) == before {
					patience *= 4
				}
				if err != nil && !ended && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("reader %d: %v", i, err)
					return
				}
			}
		})
	}
	for grown := uint64(60); grown <= size; grown += 30 {
		w.grow(min(grown, size))
	}
	w.grow(size)
	group.Wait()
	for i := range readers {
		all := w.changes(views[i%2])
		if len(readers[i].events) != len(all) {
			t.Errorf("reader %d got %d events of %d: %v", i, len(readers[i].events), len(all), readers[i].numbers())
			continue
		}
		for n, e := range readers[i].events {
			c := all[n]
			row, err := json.Marshal(c.Row)
			w.must(err)
			var want, got any
			w.must(json.Unmarshal(row, &want))
			w.must(json.Unmarshal(e.Data.Row, &got))
			if e.Data.Change != c.Number || e.Data.Leaf != c.Leaf || e.Data.Size != c.Leaf+1 || e.Data.Kind != c.Kind || e.Data.Key != c.Key ||
				e.Subject != c.Key || !e.Time.Equal(c.Now) || fmt.Sprint(want) != fmt.Sprint(got) {
				t.Fatalf("reader %d, event %d: %+v\nof %+v", i, n, e, c)
			}
		}
	}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		w.api.streams.mu.Lock()
		count, own := w.api.streams.count, len(w.api.streams.own)
		w.api.streams.mu.Unlock()
		if count == 0 && own == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d streams are still there", count)
		}
	}
}

// numberOf is the number of a leaf's first change.
func numberOf(leaf uint64) uint64 { return leaf<<20 + 1 }

func TestFeedFilters(t *testing.T) {
	w := newWorld(t, 420)
	marks := func(leaf func(n uint64) bool) []uint64 {
		var list []uint64
		for n := range uint64(420) {
			if leaf(n) {
				list = append(list, numberOf(n)) // each leaf is one change
			}
		}
		return list
	}
	tests := []struct {
		who, query, lastID string
		want               []uint64
	}{
		{"supervisor", "facility=lab-1", "", marks(func(n uint64) bool { return n%3 == 1 })},
		{"supervisor", fmt.Sprint("facility=lab-1&after=", numberOf(99)), "", marks(func(n uint64) bool { return n%3 == 1 && n >= 100 })},
		{"supervisor", fmt.Sprint("facility=lab-1&after=", numberOf(99)), fmt.Sprint("2/", numberOf(199)), marks(func(n uint64) bool { return n%3 == 1 && n >= 200 })},
		{"supervisor", "facility=lab-1", fmt.Sprint("1/", numberOf(199)), marks(func(n uint64) bool { return n%3 == 1 })},
		{"supervisor", "where=" + url.QueryEscape("facility!=lab-1"), "", marks(func(n uint64) bool { return n%3 != 1 })},
		{"supervisor", fmt.Sprint("after=", numberOf(279)) + "&odd=true&where=" + url.QueryEscape("number.leaf>=300") + "&where=note~note", "", marks(func(n uint64) bool { return n%2 == 1 && n >= 300 })},
		{"supervisor", fmt.Sprint("number.leaf=419&after=", numberOf(399)), "", []uint64{numberOf(419)}},
		{"nimbus-my", "", "", marks(func(n uint64) bool { return n%2 == 0 })},
		{"nimbus-my", "facility=lab-0", "", marks(func(n uint64) bool { return n%6 == 0 })},
		{"two-labs", "", "", marks(func(n uint64) bool { return n%2 == 1 && n%3 != 1 })},
		{"lab-1", "odd=false", "", marks(func(n uint64) bool { return n%6 == 4 })},
		{"bank-1", "", "", marks(func(n uint64) bool { return n%5 == 1 })},
		{"banking", "facility=lab-1", "", marks(func(n uint64) bool { return n%3 == 1 && (n%5 == 1 || n%10 == 8) })},
		{"its-desk", "", "", marks(func(n uint64) bool { return n%3 != 2 && n%10 == 1 })},
	}
	for _, test := range tests {
		r := reader{lastID: test.lastID}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		err := r.follow(ctx, w.server.URL, test.who, feedPath("marks")+"?"+test.query, func(r *reader) bool { return len(r.events) == len(test.want) })
		cancel()
		if err != nil || !slices.Equal(r.leaves(), test.want) {
			t.Errorf("%s %s after %q: %v, %v\nwant %v", test.who, test.query, test.lastID, err, r.leaves(), test.want)
		}
	}

	// Ended rows are matched by what they were last; and where nothing matches, the
	// reader is told how far it is all the same.
	ended := reader{}
	all := w.changes("some-lights")
	var want []uint64
	for _, c := range all {
		if l := c.Row.(*light); l.On == "bright" && l.Since < 50 {
			want = append(want, c.Number)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	err := ended.follow(ctx, w.server.URL, "analyst", feedPath("some-lights")+"?state=bright&where="+url.QueryEscape("since<50"), func(r *reader) bool {
		return len(r.events) >= len(want)
	})
	if err != nil || !slices.Equal(ended.numbers(), want) {
		t.Errorf("lights: %v %v, want %v", err, ended.numbers(), want)
	}
	kinds := map[projections.ChangeKind]bool{}
	for _, e := range ended.events {
		kinds[e.Data.Kind] = true
	}
	if len(kinds) != 2 {
		t.Errorf("of the lights that were bright: %v", kinds)
	}
	none := reader{}
	if err := none.follow(ctx, w.server.URL, "analyst", feedPath("marks")+"?facility=none", func(r *reader) bool { return r.lastID == fmt.Sprint("2/", numberOf(399)) }); err != nil || len(none.events) > 0 {
		t.Errorf("where nothing matches: %v, %d events, at %q", err, len(none.events), none.lastID)
	}
}

// A stream outlives the server's time limits for requests, and ends with the
// reader's right to it, or the server.
func TestFeedLife(t *testing.T) {
	w := newWorld(t, 20)
	w.api.beat = 40 * time.Millisecond
	done := make(chan struct{})
	w.api.Done = done
	handler, err := w.api.handler()
	w.must(err)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ReadTimeout, server.Config.WriteTimeout = 150*time.Millisecond, 150*time.Millisecond
	server.Start()
	defer server.Close()
	ends := make(chan error, 2)
	counts := make([]int, 2)
	grown := []chan struct{}{make(chan struct{}), make(chan struct{})}
	for i, who := range []string{"analyst", "supervisor"} {
		go func() {
			var r reader
			err := r.follow(t.Context(), server.URL, who, feedPath("marks"), func(r *reader) bool {
				if len(r.events) == 40 && counts[i] == 0 {
					counts[i] = 40
					close(grown[i])
				}
				return false
			})
			counts[i] = len(r.events)
			ends <- err
		}()
	}
	time.Sleep(400 * time.Millisecond)
	w.grow(40)
	for i := range grown {
		await(t, grown[i], "live events after the server's timeouts")
	}
	w.api.Who.(*grantees).drop("analyst")
	select {
	case err := <-ends:
		if !errors.Is(err, io.EOF) {
			t.Errorf("the end of the analyst's stream: %v", err)
		}
	case <-time.After(5 * time.Minute):
		t.Fatal("a stream went on for a minute after its reader was refused")
	}
	close(done)
	select {
	case <-ends:
	case <-time.After(5 * time.Minute):
		t.Fatal("a stream went on for a minute after the server ended")
	}
	if counts[0] != 40 || counts[1] != 40 {
		t.Errorf("%v events", counts)
	}
}

func await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(5 * time.Minute):
		t.Fatalf("no %s in a minute", what)
	}
}

// pipes is a listener whose connections hold nothing back: what isn't read blocks.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { return nil }

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A reader that takes nothing is dropped, and one that comes back has the rest.
func TestFeedSlowReader(t *testing.T) {
	w := newWorld(t, 400)
	w.api.slowest = 100 * time.Millisecond
	p := &pipes{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: w.handler}
	go server.Serve(p)
	defer server.Close()
	defer close(p.done)
	client, inside := net.Pipe()
	defer client.Close()
	p.conns <- inside
	fmt.Fprintf(client, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer analyst\r\n\r\n", feedPath("marks"))
	io.ReadFull(client, make([]byte, 300))
	began := time.Now()
	for w.streaming() > 0 {
		if time.Since(began) > time.Minute {
			t.Fatal("a reader that takes nothing is still there after a minute")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("it was dropped after %v", took)
	}
}

func (w *world) streaming() int {
	w.api.streams.mu.Lock()
	defer w.api.streams.mu.Unlock()
	return w.api.streams.count
}

func TestFeedPlaces(t *testing.T) {
	w := newWorld(t, 5)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	open := func(who string, n int) {
		for range n {
			ready := make(chan struct{})
			group.Go(func() {
				var r reader
				var once sync.Once
				r.follow(ctx, w.server.URL, who, feedPath("marks"), func(*reader) bool {
					once.Do(func() { close(ready) })
					return false
				})
			})
			await(t, ready, "first event")
		}
	}
	open("analyst", maxOwn)
	a := w.get("analyst", feedPath("marks"))
	w.isProblem("one stream too many", a)
	if a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("one stream too many: %d %v", a.status, a.header)
	}
	open("supervisor", 1)
	cancel()
	group.Wait()
	for began := time.Now(); w.streaming() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatal("places of readers who left are still taken")
		}
	}
	if status := w.openFeed("analyst", feedPath("marks")); status != 200 {
		t.Errorf("after the others left: %d", status)
	}
}
