package http_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// byName lets in whoever says so in the place of a token.
type byName map[string]token.Grantee

func (b byName) Authenticate(r *http.Request) (token.Grantee, error) {
	name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if name == "" {
		return token.Grantee{Role: token.Public}, nil
	}
	if g, ok := b[name]; ok {
		return g, nil
	}
	if name == "broken" {
		return token.Grantee{}, errors.New("the register is away")
	}
	return token.Grantee{}, fmt.Errorf("nobody: %w", token.ErrInvalid)
}

var grantees = byName{
	"auditor": {Name: "auditor", Role: token.Auditor},
	"analyst": {Name: "analyst", Role: token.Analyst},
	"other":   {Name: "other", Role: token.Supervisor, Facilities: []string{"lab-2"}},
}

// serve serves w's ledger as a node does.
func serve(t *testing.T, w *readertest.World) http.Handler {
	t.Helper()
	tree, err := ledgerhttp.Handler(w.Ledger.TreeDir())
	if err != nil {
		t.Fatal(err)
	}
	d, err := archive.OpenDirectory(w.Dir, w.Log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	anchors, err := ledgerhttp.OpenAnchors(w.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { anchors.Close() })
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("/bodies", ledgerhttp.Bodies(d, grantees))
	mux.Handle("/anchors/", anchors)
	return mux
}

func as(name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return name, nil }
}

func open(t *testing.T, w *readertest.World, handler http.Handler) *ledgerhttp.Reader {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	r, err := ledgerhttp.NewReader(server.URL, w.Log, ledgerhttp.ReaderOptions{
		Token: as("auditor"), Timeout: 500 * time.Millisecond, Poll: 10 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReader(t *testing.T) {
	readertest.Run(t, func(t *testing.T, w *readertest.World) ledger.Reader { return open(t, w, serve(t, w)) })
}

// lie changes what a server answers on paths that begin so.
func lie(honest http.Handler, prefix string, change func(path string, body []byte) []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, prefix) {
			honest.ServeHTTP(w, r)
			return
		}
		recorder := httptest.NewRecorder()
		honest.ServeHTTP(recorder, r)
		w.WriteHeader(recorder.Code)
		w.Write(change(r.URL.Path, recorder.Body.Bytes()))
	})
}

func TestHostileAnswers(t *testing.T) {
	w := readertest.New(t)
	w.Grow(700)
	honest := serve(t, w)
	swap := func(with string) func(string, []byte) []byte {
		return func(path string, _ []byte) []byte {
			recorder := httptest.NewRecorder()
			honest.ServeHTTP(recorder, httptest.NewRequest("GET", with, nil))
			return recorder.Body.Bytes()
		}
	}
	flip := func(at int) func(string, []byte) []byte {
		return func(_ string, b []byte) []byte {
			b[(at+len(b))%len(b)] ^= 1
			return b
		}
	}
	frame := func(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }
	tests := []struct {
		name, prefix string
		change       func(string, []byte) []byte
	}{
		{"wrong leaf", "/tile/entries/000", flip(20)},
		{"wrong last leaf", "/tile/entries/000", flip(-5)},
		{"bundle of others", "/tile/entries/000", swap("/tile/entries/001")},
		{"bundle cut short", "/tile/entries/000", func(_ string, b []byte) []byte { return b[:len(b)-1] }},
		{"no bundle", "/tile/entries/000", func(string, []byte) []byte { return nil }},
		{"tile of others", "/tile/0/000", swap("/tile/0/001")},
		{"tile with a bit changed", "/tile/0/000", flip(77)},
		{"upper tile with a bit changed", "/tile/1/000", flip(40)},
		{"partial tile with a bit changed", "/tile/0/002", flip(40)},
		{"tile cut short", "/tile/0/000", func(_ string, b []byte) []byte { return b[:100] }},
		{"wrong body", "/bodies", flip(300)},
		{"body of another leaf", "/bodies", func(string, []byte) []byte { return frame(w.Bodies[1]) }},
		{"a byte after a body", "/bodies", func(string, []byte) []byte { return frame(append([]byte(w.Bodies[0]), ' ')) }},
		{"body without its events", "/bodies", func(string, []byte) []byte {
			line1, _, _ := strings.Cut(string(w.Bodies[0]), "\n")
			return frame([]byte(line1 + "\n"))
		}},
		{"bodies cut short", "/bodies", func(_ string, b []byte) []byte { return b[:len(b)-1] }},
		{"bodies cut within a length", "/bodies", func(_ string, b []byte) []byte { return append(frame(w.Bodies[0]), 0, 0) }},
		{"length without a body", "/bodies", func(string, []byte) []byte { return []byte{0xff, 0xff, 0xff, 0xfe, 0} }},
		{"no bodies", "/bodies", func(string, []byte) []byte { return nil }},
		{"more bodies than asked for", "/bodies", func(_ string, b []byte) []byte { return append(b, frame(w.Bodies[0])...) }},
	}
	for _, test := range tests {
		r := open(t, w, lie(honest, test.prefix, test.change))
		checkpoint, err := r.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		from := uint64(0)
		if strings.HasPrefix(test.prefix, "/tile/0") {
			from = 1 // leaves that fill a tile need none of their own
		}
		if _, err = r.Entries(t.Context(), checkpoint, from); err == nil {
			t.Errorf("%s: believed", test.name)
		} else {
			t.Logf("%s: %v", test.name, err)
		}
	}
	for _, at := range []int{2, 35, 60, -3} {
		if _, err := open(t, w, lie(honest, "/checkpoint", flip(at))).Checkpoint(t.Context()); err == nil {
			t.Errorf("a checkpoint with byte %d changed is believed", at)
		}
	}
}

// sign signs a tree head with the log's own key.
func sign(t *testing.T, w *readertest.World, tree tlog.Tree) []byte {
	t.Helper()
	text := fmt.Sprintf("%s\n%d\n%s\n", readertest.Origin, tree.N, tree.Hash)
	signed, err := note.Sign(&note.Note{Text: text}, w.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// A log that signs a second history, or shows an older checkpoint, is found out.
func TestHostileHistory(t *testing.T) {
	w := readertest.New(t)
	w.Grow(300)
	honest := serve(t, w)
	var shown atomic.Pointer[[]byte]
	r := open(t, w, lie(honest, "/checkpoint", func(_ string, b []byte) []byte {
		if other := shown.Load(); other != nil {
			return *other
		}
		return b
	}))
	show := func(b []byte) { shown.Store(&b) }
	first, err := r.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Grow(600)
	second, err := r.Wait(t.Context(), 300)
	if err != nil {
		t.Fatal(err)
	}
	other := tlog.Hash{1}
	tests := []struct {
		name string
		note []byte
		want error
	}{
		{"an older one", first.Note, tiles.ErrWentBack},
		{"another root at the same size", sign(t, w, tlog.Tree{N: 600, Hash: other}), tiles.ErrForked},
		{"another root at an older size", sign(t, w, tlog.Tree{N: 300, Hash: other}), tiles.ErrForked},
		{"another root at a size not seen", sign(t, w, tlog.Tree{N: 257, Hash: other}), tiles.ErrForked},
		{"a larger one without tiles", sign(t, w, tlog.Tree{N: 1 << 30, Hash: other}), nil},
		{"a monstrous one", sign(t, w, tlog.Tree{N: 1<<63 - 1, Hash: other}), nil},
		{"an empty one", sign(t, w, tlog.Tree{N: 0, Hash: other}), tiles.ErrWentBack},
	}
	for _, test := range tests {
		show(test.note)
		if c, err := r.Checkpoint(t.Context()); err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v", test.name, c, err)
		} else {
			t.Logf("%s: %v", test.name, err)
		}
	}
	show(second.Note)
	if c, err := r.Checkpoint(t.Context()); err != nil || c.Size != 600 {
		t.Errorf("the honest one afterwards: %v, %v", c, err)
	}

	// A whole second history, with its tiles and all.
	shadow := readertest.New(t)
	shadow.Grow(700)
	fork, err := shadow.Log.OpenCheckpoint(mustNote(t, shadow))
	if err != nil {
		t.Fatal(err)
	}
	forked := serve(t, shadow)
	var turned atomic.Bool
	r = open(t, w, http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		switch {
		case !turned.Load():
			honest.ServeHTTP(rw, req)
		case req.URL.Path == "/checkpoint":
			rw.Write(sign(t, w, fork.Tree()))
		default:
			forked.ServeHTTP(rw, req)
		}
	}))
	if _, err := r.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	turned.Store(true)
	if _, err := r.Checkpoint(t.Context()); !errors.Is(err, tiles.ErrForked) {
		t.Errorf("a second history: %v", err)
	}
}

func mustNote(t *testing.T, w *readertest.World) []byte {
	t.Helper()
	signed, err := w.Ledger.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// Answers that never end, or never begin, cost bounded time and memory.
func TestHostileTime(t *testing.T) {
	w := readertest.New(t)
	w.Grow(40)
	honest := serve(t, w)
	endless := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := rw.Write(chunk); err != nil {
				return
			}
		}
	})
	hang := http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		<-req.Context().Done()
	})
	for name, bad := range map[string]http.Handler{"endless": endless, "hanging": hang} {
		for _, path := range []string{"/checkpoint", "/tile/entries/000.p/40", "/tile/0/000.p/40", "/bodies"} {
			t.Run(name+path, func(t *testing.T) {
				t.Parallel()
				mux := http.NewServeMux()
				mux.Handle("/", honest)
				mux.Handle(path, bad)
				server := httptest.NewServer(mux)
				defer server.Close()
				defer server.CloseClientConnections()
				r, err := ledgerhttp.NewReader(server.URL, w.Log, ledgerhttp.ReaderOptions{Token: as("auditor"), Timeout: 150 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
				defer cancel()
				began := time.Now()
				checkpoint, err := r.Checkpoint(ctx)
				if err == nil {
					_, err = r.Entries(ctx, checkpoint, 1)
				}
				if took := time.Since(began); err == nil || took > time.Minute {
					t.Errorf("%v after %v", err, took)
				}
			})
		}
	}
}

// What passes is tried again; a server that is away is waited for.
func TestTransient(t *testing.T) {
	w := readertest.New(t)
	w.Grow(40)
	honest := serve(t, w)
	var asked atomic.Int64
	flaky := http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		switch asked.Add(1) % 3 {
		case 0:
			honest.ServeHTTP(rw, req)
		case 1:
			http.Error(rw, "not now", http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler)
		}
	})
	r := open(t, w, flaky)
	checkpoint, err := r.Wait(t.Context(), 39)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := r.Entries(t.Context(), checkpoint, 0); err != nil || len(entries) != 40 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

func TestMandates(t *testing.T) {
	w := readertest.New(t)
	w.Grow(60)
	server := httptest.NewServer(serve(t, w))
	defer server.Close()
	tests := []struct {
		token, query string
		status       int
	}{
		{"auditor", "from=0&count=5", 200}, {"other", "from=3&count=300", 200},
		{"", "from=0&count=5", 401}, {"nobody", "from=0&count=5", 401}, {"analyst", "from=0&count=5", 403}, {"broken", "from=0&count=5", 500},
		{"auditor", "from=60&count=1", 404}, {"auditor", "from=x&count=1", 400}, {"auditor", "from=0", 400}, {"auditor", "from=0&count=0", 400},
		{"auditor", "from=-1&count=1", 400},
	}
	for _, test := range tests {
		r, _ := http.NewRequest("GET", server.URL+"/bodies?"+test.query, nil)
		if test.token != "" {
			r.Header.Set("Authorization", "Bearer "+test.token)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		problem := response.Header.Get("Content-Type") == "application/problem+json" && strings.Contains(string(body), `"detail"`)
		if response.StatusCode != test.status || problem != (test.status != 200) || (test.status == 401) != (response.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("as %q, %s: %d %s", test.token, test.query, response.StatusCode, body)
		}
	}
	if response, err := http.Post(server.URL+"/bodies?from=0&count=1", "", nil); err != nil || response.StatusCode != 405 {
		t.Errorf("POST: %v %v", response, err)
	}

	// Bodies beyond a mandate are told apart from empty ones.
	for name, want := range map[string]func(leaf int) bool{
		"auditor": func(int) bool { return true },
		"other":   func(leaf int) bool { return leaf < 4 }, // the registry's
		"analyst": func(int) bool { return false },
	} {
		r, err := ledgerhttp.NewReader(server.URL, w.Log, ledgerhttp.ReaderOptions{Token: as(name)})
		if err != nil {
			t.Fatal(err)
		}
		checkpoint, err := r.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		entries, err := r.Entries(t.Context(), checkpoint, 0)
		if err != nil || len(entries) != 60 {
			t.Fatalf("as %s: %d entries, %v", name, len(entries), err)
		}
		for i, e := range entries {
			if b, err := r.Body(t.Context(), e.Index); (err == nil) != want(i) || err == nil && string(b) != string(e.Body) {
				t.Errorf("as %s: body of leaf %d alone: %q, %v", name, i, b, err)
			}
			if (e.Body != nil) != want(i) || e.Body != nil && string(e.Body) != string(w.Bodies[i]) {
				t.Errorf("as %s: body of leaf %d: %q", name, i, e.Body)
			}
		}
	}
	r, err := ledgerhttp.NewReader(server.URL, w.Log, ledgerhttp.ReaderOptions{Token: as("nobody")})
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := r.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Entries(t.Context(), checkpoint, 0); err == nil {
		t.Error("a token that is refused goes unnoticed")
	}
}
