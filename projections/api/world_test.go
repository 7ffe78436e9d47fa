package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/archive"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/store/memory"
)

// mark is a row for every leaf, so that what must be there can be said in a line.
type mark struct {
	Time     time.Time   `col:"time,order" json:"time" doc:"when"`
	Facility string      `col:"facility,index" json:"facility" doc:"where"`
	Operator string      `col:"operator,index" json:"operator" doc:"who"`
	Number   uint64      `col:"number.leaf" json:"number.leaf" doc:"the leaf"`
	Odd      bool        `col:"odd" json:"odd"`
	Note     string      `col:"note" json:"note"`
	Tenant   string      `col:"tenant" json:"tenant"`
	Tags     []string    `col:"tags" json:"tags"`
	Evidence events.Refs `col:"evidence" json:"evidence"`
}

func facilityOf(leaf uint64) string { return fmt.Sprintf("lab-%d", leaf%3) }

func tenantOf(leaf uint64) string {
	return [...]string{"", "bank-1", "hospital-1", "bank-2", ""}[leaf%5]
}

func operatorOf(leaf uint64) string { return [...]string{"nimbus-my", "strato"}[leaf%2] }

func newMarks() *projections.View {
	table := projections.NewTable[mark]("marks")
	return &projections.View{
		Name: "marks", Version: 2, Title: "A row for every leaf", Family: "access", Tenant: "tenant", Tables: []projections.Schema{table},
		Leaf: func(tx *projections.Tx, f *projections.Fact) error {
			return table.Put(tx, fmt.Sprint("m", f.Index), &mark{
				Time: time.Date(2026, 1, 1, 0, 0, int(f.Index), 0, time.UTC), Facility: facilityOf(f.Index), Operator: operatorOf(f.Index),
				Number: f.Index, Tenant: tenantOf(f.Index), Odd: f.Index%2 == 1, Note: fmt.Sprintf("=note <%d>", f.Index), Tags: []string{"a", fmt.Sprint(f.Index % 4)},
				Evidence: events.Refs{{Leaf: f.Index}},
			})
		},
	}
}

// light is a row that comes, changes and goes.
type light struct {
	Facility string      `col:"facility" json:"facility"`
	Operator string      `col:"operator" json:"operator"`
	On       string      `col:"state" json:"state"`
	Since    uint64      `col:"since,order" json:"since"`
	Evidence events.Refs `col:"evidence" json:"evidence"`
}

func newLights() *projections.View {
	table := projections.NewTable[light]("some-lights")
	return &projections.View{
		Name: "some-lights", Version: 1, Title: "Lights that go on, change and go out", Family: "facility", Tables: []projections.Schema{table},
		Leaf: func(tx *projections.Tx, f *projections.Fact) error {
			key := fmt.Sprint("l", f.Index%5)
			if f.Index/5%3 == 2 {
				return table.Delete(tx, key)
			}
			return table.Put(tx, key, &light{
				Facility: facilityOf(f.Index % 5), Operator: operatorOf(f.Index % 5), On: [...]string{"dim", "bright"}[f.Index/5%3], Since: f.Index,
				Evidence: events.Refs{{Leaf: f.Index}},
			})
		},
	}
}

// world is a ledger, its views and an API on them.
type world struct {
	t testing.TB
	*readertest.World
	engine  *projections.Engine
	store   *projections.Store
	dir     *archive.Directory
	api     *api
	handler http.Handler
	server  *httptest.Server
	logged  *logged
}

// logged is what was logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// grantees lets in by name in the place of a token.
type grantees struct {
	mu   sync.Mutex
	list map[string]token.Grantee
}

func (g *grantees) Authenticate(r *http.Request) (token.Grantee, error) {
	name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if name == "" {
		return token.Grantee{Role: token.Public}, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if grantee, ok := g.list[name]; ok {
		return grantee, nil
	}
	switch name {
	case "suspended":
		return token.Grantee{}, fmt.Errorf("suspended: %w", token.ErrSuspended)
	case "broken":
		return token.Grantee{}, fmt.Errorf("secret-path: the register is away")
	}
	return token.Grantee{}, fmt.Errorf("%w: it has expired", token.ErrInvalid)
}

func (g *grantees) drop(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.list, name)
}

func newGrantees() *grantees {
	return &grantees{list: map[string]token.Grantee{
		"supervisor": {Name: "supervisor", Role: token.Supervisor},
		"analyst":    {Name: "analyst", Role: token.Analyst},
		"auditor":    {Name: "auditor", Role: token.Auditor},
		"nimbus-my":  {Name: "nimbus-my", Role: token.Operator},
		"lab-1":      {Name: "lab-1", Role: token.Supervisor, Facilities: []string{"lab-1"}},
		"two-labs":   {Name: "two-labs", Role: token.Analyst, Facilities: []string{"lab-0", "lab-2"}, Operators: []string{"strato"}},
		"strato-lab": {Name: "strato", Role: token.Operator, Facilities: []string{"lab-2"}},
		"nobody":     {Name: "nobody", Role: "guest"},
		// One customer, the supervisor of all banks, who is bounded to lab-0 besides, and two of
		// an authority that has no access events, or no customers at all.
		"bank-1":    {Name: "bank-1", Role: token.Customer, Customers: []string{"nimbus-my/bank-1", "strato/bank-1"}},
		"banking":   {Name: "banking", Role: token.Supervisor, Customers: []string{"nimbus-my/bank-1", "nimbus-my/bank-2", "strato/bank-1"}},
		"its-desk":  {Name: "its-desk", Role: token.Supervisor, Facilities: []string{"lab-0", "lab-1"}, Within: []token.Bounds{{Customers: []string{"strato/bank-1"}}}},
		"buildings": {Name: "buildings", Role: token.Supervisor, Families: []string{"facility"}},
		"customer":  {Name: "customer", Role: token.Customer},
	}}
}

func newWorld(t testing.TB, size uint64) *world {
	t.Helper()
	w := &world{t: t, World: readertest.New(t), logged: &logged{}}
	backend := memory.New()
	views := []*projections.View{newMarks(), newLights()}
	var err error
	w.dir, err = archive.OpenDirectory(w.Dir, w.Log)
	w.must(err)
	t.Cleanup(func() { w.dir.Close() })
	w.engine, err = projections.OpenEngine(t.Context(), backend, views, projections.Options{Log: slog.New(slog.DiscardHandler)})
	w.must(err)
	t.Cleanup(func() { w.engine.Close() })
	w.store, err = projections.OpenStore(t.Context(), backend, views)
	w.must(err)
	t.Cleanup(func() { w.store.Close() })
	w.grow(size)
	anchors, err := ledgerhttp.OpenAnchors(w.Dir)
	w.must(err)
	t.Cleanup(func() { anchors.Close() })
	w.api = &api{
		Config:  Config{Store: w.store, Ledger: w.dir, Anchors: anchors, Who: newGrantees(), Keys: w.Log, Log: slog.New(slog.NewTextHandler(w.logged, nil))},
		streams: newStreams(w.store), seal: must(newSeal(make([]byte, 32))), beat: heartbeat, slowest: slowest, patience: queryTime,
	}
	w.handler, err = w.api.handler()
	w.must(err)
	w.server = httptest.NewServer(w.handler)
	t.Cleanup(w.server.Close)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// grow adds leaves, which the views then have seen.
func (w *world) grow(size uint64) {
	w.t.Helper()
	w.Grow(size)
	w.must(w.engine.RunTo(w.t.Context(), w.dir, size))
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (w *world) get(who, path string, headers ...string) answer {
	w.t.Helper()
	return w.ask(http.MethodGet, who, path, headers...)
}

func (w *world) ask(method, who, path string, headers ...string) answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, w.server.URL+path, nil)
	w.must(err)
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	w.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	w.must(err)
	return answer{response.StatusCode, response.Header, body}
}

// page is a page of marks, as a client would have it.
type page struct {
	View string    `json:"view"`
	Size uint64    `json:"size"`
	Root string    `json:"root"`
	Now  time.Time `json:"now"`
	Rows []struct {
		Key      string   `json:"key"`
		From     uint64   `json:"from_leaf"`
		Links    links    `json:"links"`
		Number   uint64   `json:"number.leaf"`
		Facility string   `json:"facility"`
		Operator string   `json:"operator"`
		Note     string   `json:"note"`
		State    string   `json:"state"`
		Evidence []string `json:"evidence"`
	} `json:"rows"`
	Next string `json:"next"`
}

func (w *world) page(who, path string) page {
	w.t.Helper()
	a := w.get(who, path)
	if a.status != 200 {
		w.t.Fatalf("%s as %s: %d %s", path, who, a.status, a.body)
	}
	var p page
	w.must(json.Unmarshal(a.body, &p))
	return p
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
