package feeds_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

const origin = "ledger.example.my/test"

// row is of the least that a view's row has.
type row struct {
	Facility string `json:"facility"`
	Operator string `json:"operator"`
	N        uint64 `json:"n"`
	// Evidence is nested, as a row's may be.
	Evidence map[string][]string `json:"evidence"`
}

// history is a source whose every change follows from its number: leaf l makes one
// change of "touches", every third one of "sessions" too, and the seventh one of
// "facilities". It has come to size leaves.
type history struct {
	mu   sync.Mutex
	size uint64
	grew chan struct{}
	at   func() uint64 // instead of size
}

func newHistory(size uint64) *history { return &history{size: size, grew: make(chan struct{})} }

func (h *history) now() uint64 {
	if h.at != nil {
		return h.at()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.size
}

func (h *history) grow(to uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.size = to
	close(h.grew)
	h.grew = make(chan struct{})
}

func (h *history) wake(ctx context.Context, size uint64) error {
	for {
		h.mu.Lock()
		have, grew := h.size, h.grew
		h.mu.Unlock()
		if have >= size {
			return nil
		}
		select {
		case <-grew:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var (
	views  = []feeds.View{{Name: "touches", Version: 1}, {Name: "sessions", Version: 1}, {Name: "facilities", Version: 1}}
	epoch  = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	labs   = []string{"lab-1", "lab-2", ""}
	owners = []string{"nimbus-my", "cirrus-my"}
)

// leafOf is the leaf that makes the change of that number, from 1.
func leafOf(view string, number uint64) uint64 {
	switch view {
	case "sessions":
		return 3 * number
	case "facilities":
		return 7
	}
	return number
}

func changeOf(view string, number uint64) projections.Change {
	leaf := leafOf(view, number)
	return projections.Change{
		Number: number, Leaf: leaf, Now: epoch.Add(time.Duration(leaf) * time.Second), Kind: projections.Added,
		Key: view + "-" + strconv.FormatUint(number, 10),
		Row: row{Facility: labs[leaf%3], Operator: owners[leaf%2], N: number, Evidence: map[string][]string{"refs": {fmt.Sprintf("%d/0", leaf)}}},
	}
}

// total is how many changes a view has at a size.
func total(view string, size uint64) uint64 {
	var n uint64
	switch {
	case size == 0:
	case view == "touches":
		n = size - 1
	case view == "sessions":
		n = (size - 1) / 3
	case view == "facilities" && size > 7:
		n = 1
	}
	return n
}

func (h *history) Position(context.Context) (projections.Position, error) {
	return projections.Position{Size: h.now()}, nil
}

// Changes may see further than the Position asked for before: views go on.
func (h *history) Changes(_ context.Context, view string, after uint64, limit int) (out []projections.Change, err error) {
	for n := after + 1; n <= total(view, h.now()) && len(out) < limit; n++ {
		out = append(out, changeOf(view, n))
	}
	return out, nil
}

// world is a broker with one reader.
type world struct {
	t          testing.TB
	dir, store string
	url        string
	auth       *broker.Authority
	server     *broker.Server
	creds      []byte
	options    broker.FeedsOptions
}

const readerName = "supervision-desk"

func newWorld(t testing.TB) *world {
	t.Helper()
	tmp := t.TempDir()
	w := &world{t: t, dir: filepath.Join(tmp, "authority"), store: filepath.Join(tmp, "store"), options: broker.FeedsOptions{Lease: 600 * time.Millisecond}}
	must(t, broker.Init(w.dir, "mcmc"))
	var err error
	w.auth, err = broker.Open(w.dir)
	must(t, err)
	user, err := nkeys.CreateUser()
	must(t, err)
	id, err := user.PublicKey()
	must(t, err)
	admission, err := w.auth.AdmitReader(readerName, id, names(), broker.Mandate{}, broker.Limits{})
	must(t, err)
	seed, err := user.Seed()
	must(t, err)
	w.creds, err = broker.Creds(admission.UserJWT, seed)
	must(t, err)
	return w
}

// started is a world whose broker runs in this process.
func started(t testing.TB) *world {
	w := newWorld(t)
	w.start()
	return w
}

func (w *world) start() *broker.Server {
	w.t.Helper()
	s, err := broker.Start(testContext(w.t), broker.Config{Dir: w.dir, StoreDir: w.store, Listen: ":0", Logger: quiet()})
	must(w.t, err)
	w.t.Cleanup(s.Close)
	w.url, w.server = s.URL(), s
	return s
}

// restart stops the broker, does something to its store, and starts it again.
func (w *world) restart(between func()) {
	w.t.Helper()
	w.server.Close()
	between()
	w.start()
}

func names() (out []string) {
	for _, v := range views {
		out = append(out, v.Name)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// ensure makes the streams, and the reader's consumers.
func (w *world) ensure(ctx context.Context, js jetstream.JetStream) error {
	if _, err := broker.EnsureFeeds(ctx, js, w.options); err != nil {
		return err
	}
	return broker.EnsureReaders(ctx, js, []broker.Reader{{Name: readerName}}, names())
}

func (w *world) projections() *nats.Conn {
	w.t.Helper()
	nc, err := nats.Connect(w.url, append(broker.ConnectOptions(broker.RoleProjections, w.auth.CredsFile(broker.RoleProjections)),
		nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))...)
	must(w.t, err)
	w.t.Cleanup(nc.Close)
	return nc
}

func (w *world) reader() *nats.Conn {
	w.t.Helper()
	nc, err := nats.Connect(w.url, nats.UserCredentialBytes(w.creds), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	must(w.t, err)
	w.t.Cleanup(nc.Close)
	return nc
}

// publisher runs one until stop, which returns what Publish returned.
func (w *world) publisher(h *history, change func(*feeds.Config)) (stop func() error) {
	w.t.Helper()
	c := feeds.Config{Conn: w.projections(), Ensure: w.ensure, Origin: origin, Source: h, Views: views, Wake: h.wake, Log: quiet()}
	if change != nil {
		change(&c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- feeds.Publish(ctx, c) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() { cancel(); err = <-done })
		return err
	}
	w.t.Cleanup(func() { stop() })
	return stop
}

// publishTo publishes up to a size, and stops.
func (w *world) publishTo(h *history, change func(*feeds.Config)) {
	w.t.Helper()
	reached := make(chan struct{})
	var once sync.Once
	stop := w.publisher(h, func(c *feeds.Config) {
		if change != nil {
			change(c)
		}
		c.Published = func(size uint64) {
			if size >= h.now() {
				once.Do(func() { close(reached) })
			}
		}
	})
	select {
	case <-reached:
	case <-testContext(w.t).Done():
		w.t.Fatal("publishing doesn't come to its end")
	}
	must(w.t, stop())
}

func (w *world) stream() jetstream.Stream {
	w.t.Helper()
	js, err := jetstream.New(w.projections())
	must(w.t, err)
	s, err := js.Stream(testContext(w.t), "FEEDS")
	must(w.t, err)
	return s
}

// stored are the ids in FEEDS, in order, without what is missing.
func (w *world) stored() (ids []string) {
	w.t.Helper()
	s := w.stream()
	info := s.CachedInfo()
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(testContext(w.t), seq)
		if err == nil {
			ids = append(ids, m.Header.Get("Nats-Msg-Id"))
		}
	}
	return ids
}

// wanted are the ids that a history of that size makes, in order.
func wanted(size uint64) (ids []string) {
	for leaf := uint64(1); leaf < size; leaf++ {
		if leaf == 7 {
			ids = append(ids, "facilities/1/1")
		}
		if leaf%3 == 0 {
			ids = append(ids, fmt.Sprintf("sessions/1/%d", leaf/3))
		}
		ids = append(ids, fmt.Sprintf("touches/1/%d", leaf))
	}
	return ids
}

func same(t testing.TB, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%d messages, want %d; they differ from %d on: %v, want %v", len(got), len(want), i, got[i:min(len(got), i+3)], want[min(i, len(want)):min(len(want), i+3)])
		}
	}
}

// follow follows a view until count changes came.
func (w *world) follow(view string, after feeds.Mark, count int, change func(*feeds.Subscription)) (got []feeds.Message) {
	w.t.Helper()
	s := feeds.Subscription{
		Conn: w.reader(), Domain: events.FeedsDomain, Reader: readerName, View: view, After: after, Count: count,
		Handle: func(m []feeds.Message) error { got = append(got, m...); return nil },
	}
	if change != nil {
		change(&s)
	}
	must(w.t, feeds.Follow(testContext(w.t), s))
	return got
}

func checkNumbers(t testing.TB, got []feeds.Message, from, to uint64) {
	t.Helper()
	for i, m := range got {
		if want := from + uint64(i); m.Change != want {
			t.Fatalf("change %d came, want %d", m.Change, want)
		}
	}
	if n := uint64(len(got)); n != to-from+1 {
		t.Fatalf("%d changes came, want %d", n, to-from+1)
	}
}
