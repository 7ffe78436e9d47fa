package reader_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// history is a source of changes of touches: each leaf from 1 makes one, at lab-1
// and lab-2 in turn.
type history struct {
	mu   sync.Mutex
	size uint64
}

func (h *history) grow(n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.size += n
}

func (h *history) Position(context.Context) (projections.Position, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return projections.Position{Size: h.size}, nil
}

type row struct {
	Facility string   `json:"facility"`
	Operator string   `json:"operator"`
	Reason   string   `json:"reason"`
	Evidence []string `json:"evidence"`
}

func (h *history) Changes(_ context.Context, view string, after uint64, limit int) (out []projections.Change, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := after + 1; view == "touches" && n < h.size && len(out) < limit; n++ {
		out = append(out, projections.Change{
			Number: n, Leaf: n, Now: time.Unix(int64(n), 0), Kind: projections.Added, Key: fmt.Sprintf("%d/0", n),
			Row: row{Facility: fmt.Sprintf("lab-%d", 1+n%2), Operator: "nimbus-my", Reason: "maintenance", Evidence: []string{fmt.Sprintf("%d/0", n)}},
		})
	}
	return out, nil
}

// world is an authority whose broker runs, with a publisher of a history.
type world struct {
	t    *testing.T
	home *home.Authority
	url  string
	*history
	readership *authority.Readership
}

func newWorld(t *testing.T) *world {
	t.Helper()
	h, err := authority.Init(testContext(t), filepath.Join(t.TempDir(), "reg"), authority.Plan{Origin: "ledger.example.my/reader", Jurisdiction: "MY", Name: "mcmc"})
	must(t, err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	server, err := broker.Start(testContext(t), broker.Config{Dir: h.BrokerDir(), StoreDir: h.StreamDir(), Listen: ":0", Logger: log})
	must(t, err)
	t.Cleanup(server.Close)
	must(t, h.SetAddresses(home.Addresses{NATS: server.URL(), LocalNATS: server.URL(), HTTP: "http://127.0.0.1:1", HTTPListen: "127.0.0.1:1"}))
	w := &world{t: t, home: h, url: server.URL(), history: &history{size: 1}}
	w.readership, err = authority.OpenReadership(h)
	must(t, err)

	auth, err := broker.Open(h.BrokerDir())
	must(t, err)
	nc, err := nats.Connect(server.URL(), broker.ConnectOptions(broker.RoleProjections, auth.CredsFile(broker.RoleProjections))...)
	must(t, err)
	js, err := jetstream.New(nc)
	must(t, err)
	ensure := func(ctx context.Context, js jetstream.JetStream) error {
		_, err := broker.EnsureFeeds(ctx, js, broker.FeedsOptions{})
		return err
	}
	must(t, ensure(testContext(t), js))
	ctx, cancel := context.WithCancel(context.Background())
	var parts sync.WaitGroup
	parts.Go(func() {
		err := feeds.Publish(ctx, feeds.Config{
			Conn: nc, Ensure: ensure, Origin: h.Origin, Source: w.history, Views: []feeds.View{{Name: "touches", Version: 1}}, Log: log,
		})
		if err != nil {
			t.Error(err)
		}
	})
	parts.Go(func() {
		readers := h.Readers()
		_ = broker.KeepReaders(ctx, js, authority.FeedViews(), func() ([]broker.Reader, error) { return authority.FeedReaders(readers) }, log)
	})
	t.Cleanup(func() { cancel(); parts.Wait(); nc.Close() })
	return w
}

// join enrols a reader, lets it in and has it join.
func (w *world) join(name string, mandate home.ReadingMandate) *home.Reader {
	w.t.Helper()
	h, err := home.NewReader(filepath.Join(w.t.TempDir(), name), name)
	must(w.t, err)
	w.grant(h, mandate)
	return h
}

func (w *world) grant(h *home.Reader, mandate home.ReadingMandate) {
	w.t.Helper()
	request, err := home.ReadRequest(h.RequestFile())
	must(w.t, err)
	grant, err := w.readership.Add(testContext(w.t), request, mandate)
	must(w.t, err)
	path := filepath.Join(w.t.TempDir(), "grant.json")
	must(w.t, home.WriteJSON(path, grant, 0o644))
	_, err = h.Join(path, "")
	must(w.t, err)
}

// changes are the numbers of changes in JSON Lines.
func changes(t *testing.T, text string) (numbers []uint64) {
	t.Helper()
	for line := range strings.Lines(text) {
		m, err := feeds.ParseMessage([]byte(strings.TrimSuffix(line, "\n")))
		must(t, err)
		numbers = append(numbers, m.Change)
	}
	return numbers
}

func isRun(t *testing.T, got []uint64, from, to uint64) {
	t.Helper()
	for i, n := range got {
		if n != from+uint64(i) {
			t.Fatalf("change %d stands where %d belongs", n, from+uint64(i))
		}
	}
	if uint64(len(got)) != to-from+1 {
		t.Fatalf("%d changes, want %d", len(got), to-from+1)
	}
}
