package rekor_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server"
)

// proxy stands between the ledger and a real Rekor v2. Below /N/ it answers with lie
// N, and below /honest/ with what the Rekor says.
type proxy struct {
	*httptest.Server
	real    *server.Server
	tiles   *httptest.Server
	release chan struct{} // closed at the end
	lies    []lie

	mu   sync.Mutex
	kept []byte // the last honest answer
	slow bool   // be silent below /honest/ too
}

func newProxy(t *testing.T, real *server.Server) *proxy {
	t.Helper()
	tiles, err := real.Handler()
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{real: real, tiles: httptest.NewServer(tiles), release: make(chan struct{})}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		close(p.release)
		p.CloseClientConnections()
		p.Close()
		p.tiles.Close()
	})
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	which, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	forward := func() *httptest.ResponseRecorder {
		u, err := url.Parse(p.real.URL())
		if err != nil {
			panic(err)
		}
		r.URL.Path = "/" + path
		answer := httptest.NewRecorder()
		httputil.NewSingleHostReverseProxy(u).ServeHTTP(answer, r)
		return answer
	}
	if n, err := strconv.Atoi(which); err == nil {
		var answer *httptest.ResponseRecorder
		if p.lies[n].alters {
			answer = forward()
		}
		p.lies[n].answer(w, answer)
		return
	}
	p.mu.Lock()
	slow := p.slow
	p.mu.Unlock()
	if slow {
		select {
		case <-r.Context().Done():
		case <-p.release: // an unread body hides from the server that its client left
		}
		return
	}
	answer := forward()
	if answer.Code == http.StatusCreated {
		p.mu.Lock()
		p.kept = bytes.Clone(answer.Body.Bytes())
		p.mu.Unlock()
	}
	pass(w, answer, answer.Body.Bytes())
}

func pass(w http.ResponseWriter, answer *httptest.ResponseRecorder, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	if location := answer.Header().Get("Location"); location != "" {
		w.Header().Set("Location", location)
	}
	w.WriteHeader(answer.Code)
	w.Write(body)
}

func (p *proxy) setSlow(slow bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow = slow
}

// rekor returns the real one, as it is reached through a path of the proxy.
func (p *proxy) rekor(t *testing.T, path string) rekor.Rekor {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(p.real.Trusted().Key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := rekor.ParseSpec(p.URL + "/" + path + ",key=" + key + ",owner=someone,name=far,tiles=" + p.tiles.URL)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lie is an answer that must not be believed. One that alters needs an honest one.
type lie struct {
	name   string
	answer func(w http.ResponseWriter, real *httptest.ResponseRecorder)
	alters bool
	says   string // part of the error
}

// Nothing that doesn't hold is believed.
func TestLies(t *testing.T) {
	t.Parallel()
	p := newProxy(t, startServer(t, t.TempDir()))
	p.lies = lies(p, startServer(t, t.TempDir()))
	anchored(t, p.rekor(t, "honest"))
	for i, l := range p.lies {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			config := s.config(p.rekor(t, strconv.Itoa(i)))
			config.Timeout = 5 * time.Second
			a, stop := s.run(config)
			s.until("it says what is wrong: "+l.says, func() bool { return strings.Contains(a.Status()[0].Error, l.says) })
			if e := a.Status()[0].Error; len(e) > 1000 {
				t.Errorf("its error has %d bytes", len(e))
			}
			stop()
			if status := a.Status()[0]; status.Size != 0 || len(s.recorded()) != 0 {
				t.Errorf("the lie is believed: %+v", status)
			}
		})
	}
}

// A Rekor that hangs holds up neither the other nor the ledger.
func TestHangs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := newProxy(t, startServer(t, t.TempDir()))
	p.setSlow(true)
	r, other := p.rekor(t, "honest"), startServer(t, t.TempDir()).Rekor("other")
	config := s.config(r, other)
	config.Timeout = 2 * time.Second
	a, stop := s.run(config)
	s.grow(3)
	s.until("the other has all leaves", func() bool { return a.Status()[1].Size >= uint64(len(s.Bodies)) })
	s.until("it says that there is no answer", func() bool { return strings.Contains(a.Status()[0].Error, "no answer in time") })
	p.setSlow(false)
	s.until("it is believed when it answers", func() bool { return a.Status()[0].Size > 1 && a.Status()[0].Failures == 0 })
	s.quiet(r, other)
	stop()
	s.check(r, other)
}

func lies(p *proxy, other *server.Server) []lie {
	alter := func(old, new string) func(http.ResponseWriter, *httptest.ResponseRecorder) {
		pattern := regexp.MustCompile(old)
		return func(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
			body := answer.Body.Bytes()
			altered := pattern.ReplaceAll(body, []byte(new))
			if answer.Code == http.StatusCreated && bytes.Equal(altered, body) {
				panic("there is nothing like " + old + " in " + string(body))
			}
			pass(w, answer, altered)
		}
	}
	created := func(body string) func(http.ResponseWriter, *httptest.ResponseRecorder) {
		return func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, body)
		}
	}
	return []lie{
		{"an entry about another checkpoint", func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
			p.mu.Lock()
			defer p.mu.Unlock()
			w.WriteHeader(http.StatusCreated)
			w.Write(p.kept)
		}, false, "other bytes"},
		{"another log's name", alter(`rekor\.example\.my`, "rekor.example.sg"), true, "does not hold"},
		{"another kind", alter(`"0\.0\.2"`, `"0.0.3"`), true, "said to be of kind"},
		{"a time", alter(`"integratedTime":\s*"0"`, `"integratedTime":"1700000000"`), true, "has a time"},
		{"another size", alter(`"treeSize":\s*"\d+"`, `"treeSize":"9999"`), true, "tree of 9999"},
		{"another index", alter(`"logIndex":\s*"\d+"`, `"logIndex":"0"`), true, "does not lead to the root"},
		{"a damaged entry", func(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
			pass(w, answer, answer.Body.Bytes()[:answer.Body.Len()/2])
		}, true, "strict JSON"},
		{"no JSON", created("<html>"), false, "strict JSON"},
		{"null", created("null"), false, "does not hold"},
		{"nothing", created(""), false, "strict JSON"},
		{"far too much", func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
			w.WriteHeader(http.StatusCreated)
			some := bytes.Repeat([]byte(" "), 64<<10)
			for range 1024 { // 64 MiB, if it is read
				if _, err := w.Write(some); err != nil {
					return
				}
			}
		}, false, "more than 1048576 bytes"},
		{"no answer", func(http.ResponseWriter, *httptest.ResponseRecorder) { <-p.release }, false, "no answer in time"},
		{"a trickle", func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
			w.WriteHeader(http.StatusCreated)
			for {
				select {
				case <-p.release:
					return
				case <-time.After(50 * time.Millisecond):
				}
				if _, err := io.WriteString(w, " "); err != nil {
					return
				}
				w.(http.Flusher).Flush()
			}
		}, false, "no answer in time"},
		{"a long error", func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
			http.Error(w, strings.Repeat("overloaded ", 10000), http.StatusServiceUnavailable)
		}, false, "503"},
		{"another address", func(w http.ResponseWriter, _ *httptest.ResponseRecorder) {
			w.Header().Set("Location", other.URL()+"/api/v2/log/entries")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, false, "307"},
		{"always a duplicate", func(w http.ResponseWriter, _ *httptest.ResponseRecorder) { w.WriteHeader(http.StatusConflict) }, false, "already"},
	}
}

// A Rekor that shows another tree than before, rightly signed, is not believed, and
// what it signed is kept.
func TestForkedRekor(t *testing.T) {
	t.Parallel()
	for name, entries := range map[string]int{"of the same size": 0, "larger": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			dir := t.TempDir()
			first := startServer(t, dir)
			_, stop := s.run(s.config(first.Rekor("own")))
			s.until("all is well at first", func() bool { return len(s.recorded()) == 1 })
			stop()
			first.Stop()
			if err := os.RemoveAll(filepath.Join(dir, "tree")); err != nil {
				t.Fatal(err)
			}
			forked := startServer(t, dir) // the same key
			for range entries {
				if _, err := forked.Rekor("x").Client.Submit(t.Context(), events.DigestOf([]byte{byte(entries)}), s.key); err != nil {
					t.Fatal(err)
				}
			}
			s.grow(1)
			a, stop := s.run(s.config(forked.Rekor("own")))
			s.until("it says so", func() bool {
				e := a.Status()[0].Error
				return strings.Contains(e, "two trees of 1 entries") || strings.Contains(e, "does not prove that its tree of")
			})
			stop()
			if n := len(s.recorded()); n != 1 {
				t.Errorf("%d anchors are recorded: the fork is believed", n)
			}
			b, err := os.ReadFile(filepath.Join(s.dir, "own", "contradicted.json"))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(b, []byte("rekor.example.my")) {
				t.Errorf("kept as evidence: %s", b)
			}
			sizes, err := rekor.OpenStore(s.dir).Sizes("own")
			if err != nil || !slices.Equal(sizes, []uint64{1}) {
				t.Errorf("anchors that are kept: %d, %v", sizes, err)
			}
		})
	}
}
