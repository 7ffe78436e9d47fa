package witness_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/readertest"
)

// site is a ledger that has itself cosigned.
type site struct {
	*testing.T
	*readertest.World
	reader *archive.Directory
	dir    string
	store  *witness.Store
}

func newSite(t *testing.T) *site {
	t.Helper()
	w := readertest.New(t)
	reader, err := archive.OpenDirectory(w.Dir, w.Log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	dir := filepath.Join(w.Dir, witness.DirName)
	return &site{T: t, World: w, reader: reader, dir: dir, store: witness.OpenStore(dir)}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// grow adds n leaves that aren't the ledger's own, and returns the size that covers
// them: behind it there may be leaves of the ledger's own, which nobody need cosign.
func (s *site) grow(n int) uint64 {
	s.Helper()
	s.Grow(uint64(len(s.Bodies) + n))
	checkpoint, err := s.reader.Wait(s.Context(), s.Ledger.Size()-1)
	s.must(err)
	size := uint64(0)
	for from := uint64(0); from < checkpoint.Size; {
		entries, err := s.reader.Entries(s.Context(), checkpoint, from)
		s.must(err)
		for _, e := range entries {
			if from = e.Index + 1; e.Leaf.Subject != "ledger" {
				size = from
			}
		}
	}
	return size
}

func (s *site) until(what string, so func() bool) {
	s.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("not so in a minute: %s", what)
		}
	}
}

// peer is a witness of its own, which knows the site's ledger, and may be behind
// something that isn't honest.
type peer struct {
	name    string
	key     *formats.Cosigner
	witness *witness.Witness
	url     string
	asked   atomic.Int64
	busy    atomic.Int64
	// behind, if there, answers in its stead and may hand requests on.
	behind atomic.Pointer[func(rw http.ResponseWriter, r *http.Request, honest http.Handler)]
}

func (s *site) peer(name string) *peer {
	s.Helper()
	p := &peer{name: name}
	dir := s.TempDir()
	s.must(witness.Add(dir, witness.Origin{Origin: s.Log.Origin(), Key: s.Log.Key()}))
	signer := cosigner(s.T, "witness.example/"+name)
	var err error
	p.key, err = formats.NewCosigner(signer.Verifier().String())
	s.must(err)
	p.witness, err = witness.Open(dir, signer, slog.New(slog.DiscardHandler))
	s.must(err)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if p.busy.Add(1) > 1 {
			s.Errorf("%s has two requests at the same time", name)
		}
		defer p.busy.Add(-1)
		if behind := p.behind.Load(); behind != nil {
			(*behind)(rw, r, p.witness)
			return
		}
		p.witness.ServeHTTP(rw, r)
	}))
	p.url = server.URL
	s.Cleanup(func() { server.CloseClientConnections(); server.Close(); p.witness.Close() })
	return p
}

func (p *peer) lie(how func(rw http.ResponseWriter, r *http.Request, honest http.Handler)) {
	if how == nil {
		p.behind.Store(nil)
		return
	}
	p.behind.Store(&how)
}

// policy names peers, and a quorum.
func (s *site) policy(quorum string, peers ...*peer) *formats.Policy {
	s.Helper()
	var b strings.Builder
	for _, p := range peers {
		fmt.Fprintf(&b, "witness %s %s %s\n", p.name, p.key.Key(), p.url)
	}
	policy, err := formats.ParsePolicy([]byte(b.String() + quorum + "\n"))
	s.must(err)
	return policy
}

func (s *site) config(policy *formats.Policy) witness.Config {
	return witness.Config{
		Dir: s.dir, Policy: policy, Log: s.Log, Reader: s.reader, Record: s.Ledger.RecordCosigned,
		Interval: 20 * time.Millisecond, Timeout: 5 * time.Second, Logger: slog.New(slog.NewTextHandler(s.Output(), nil)),
	}
}

// run runs a collector until the function that it returns is called.
func (s *site) run(config witness.Config) (_ *witness.Collector, stop func()) {
	s.Helper()
	c, err := witness.New(config)
	s.must(err)
	return c, readertest.Start(s.T, c.Run)
}

// covered tells whether a checkpoint that a quorum has cosigned covers all but the
// ledger's own leaves of now.
func (s *site) covered(policy *formats.Policy, size uint64) bool {
	note, quorum, err := s.store.Newest()
	if err != nil || !quorum {
		return false
	}
	checkpoint, err := s.Log.OpenCheckpoint(note)
	if err != nil {
		s.Fatalf("what is kept is no checkpoint: %v", err)
	}
	if _, quorum, err := policy.Cosigned(note); err != nil || !quorum {
		s.Fatalf("what is kept as cosigned is not: %v", err)
	}
	return checkpoint.Size >= size
}

// recorded returns what the ledger says was cosigned, checked.
func (s *site) recorded(policy *formats.Policy) []events.CheckpointCosigned {
	s.Helper()
	checkpoint, err := s.reader.Wait(s.Context(), s.Ledger.Size()-1)
	s.must(err)
	var all []events.CheckpointCosigned
	for from := uint64(0); from < checkpoint.Size; {
		entries, err := s.reader.Entries(s.Context(), checkpoint, from)
		s.must(err)
		for _, e := range entries {
			from = e.Index + 1
			if e.Leaf.Subject != "ledger" {
				continue
			}
			envelope, err := events.ParseEnvelope(e.Body)
			s.must(err)
			event, err := events.ParseEvent(envelope.Lines[0])
			s.must(err)
			if event.Type != events.TypeCheckpointCosigned {
				continue
			}
			var c events.CheckpointCosigned
			s.must(json.Unmarshal(event.Data, &c))
			signed, err := formats.RecordedCosignatures(s.Log.Origin(), &c, policy.Cosigners())
			if err != nil || !policy.SatisfiedBy(signed) {
				s.Errorf("leaf %d records no quorum: %v", e.Index, err)
			}
			if root, err := s.reader.Root(s.Context(), uint64(c.Size)); err != nil || root.String() != c.Root {
				s.Errorf("leaf %d records another root of %d leaves: %v", e.Index, int64(c.Size), err)
			}
			if e.Index < uint64(c.Size) {
				s.Errorf("leaf %d records a tree that it is in", e.Index)
			}
			all = append(all, c)
		}
	}
	return all
}

// TestCollected: what is published is cosigned soon after, recorded once, and nothing
// is asked while nothing comes.
func TestCollected(t *testing.T) {
	s := newSite(t)
	a, b, c := s.peer("a"), s.peer("b"), s.peer("c")
	policy := s.policy("group g 2 a b c\nquorum g", a, b, c)
	s.grow(300)
	collector, stop := s.run(s.config(policy))
	s.until("the first leaves are cosigned", func() bool { return s.covered(policy, 300) })
	for range 5 {
		size := s.grow(7)
		s.until("more are cosigned", func() bool { return s.covered(policy, size) })
	}
	s.until("all of them cosigned the last", func() bool {
		for _, w := range collector.Status().Witnesses {
			if w.Size < collector.Status().Size || w.Error != "" || w.Time.IsZero() || w.At.IsZero() {
				return false
			}
		}
		return collector.Status().Waiting.IsZero()
	})
	if n := len(s.recorded(policy)); n < 6 || n > 12 {
		t.Errorf("%d times it is recorded that a quorum cosigned", n)
	}
	asked := a.asked.Load()
	before := s.Ledger.Size()
	s.must(s.Ledger.AppendClock(t.Context()))
	s.until("the clock's leaf is published", func() bool {
		checkpoint, err := s.reader.Checkpoint(t.Context())
		return err == nil && checkpoint.Size > before
	})
	stop()
	if a.asked.Load() > asked+1 {
		t.Errorf("%d requests for the ledger's own leaves", a.asked.Load()-asked)
	}
	status, err := witness.ReadStatus(s.dir)
	if err != nil || status.Size != collector.Status().Size || len(status.Witnesses) != 3 || status.Quorum != "2 of (a, b, c)" {
		t.Errorf("the status that is kept: %+v, %v", status, err)
	}
	// A new process goes on: a witness is asked once for each checkpoint, since it is
	// known what it has.
	asked = a.asked.Load()
	s.run(s.config(policy))
	size := s.grow(1)
	s.until("a new process goes on", func() bool { return s.covered(policy, size) })
	if n := a.asked.Load() - asked; n < 1 || n > 2 {
		t.Errorf("a new process asked %d times", n)
	}
	// Each leaf has a checkpoint that covers it.
	for _, leaf := range []uint64{0, 17, 299, 300, size - 1} {
		note, quorum, err := s.store.Covering(leaf)
		s.must(err)
		if checkpoint, err := s.Log.OpenCheckpoint(note); err != nil || checkpoint.Size <= leaf || !quorum {
			t.Errorf("leaf %d is covered by %+v, quorum %v, %v", leaf, checkpoint, quorum, err)
		}
	}
	if _, _, err := s.store.Covering(1 << 40); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a leaf that there isn't is covered: %v", err)
	}
}

// TestHostileWitness: whatever one witness does, the others' cosignatures come, and
// nothing that it says is kept.
func TestHostileWitness(t *testing.T) {
	status := func(code int, text string) func(http.ResponseWriter, *http.Request, http.Handler) {
		return func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
			rw.WriteHeader(code)
			io.WriteString(rw, text)
		}
	}
	for name, lie := range map[string]func(rw http.ResponseWriter, r *http.Request, honest http.Handler){
		"hangs": func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
			io.Copy(io.Discard, r.Body) // so that it is noticed when the client has gone
			<-r.Context().Done()
		},
		"says no more":         func(rw http.ResponseWriter, r *http.Request, _ http.Handler) { panic(http.ErrAbortHandler) },
		"forbids":              status(403, "no\n"),
		"doesn't know":         status(404, "who?\n"),
		"is broken":            status(500, "\x1b[31mred\x00"),
		"no signature":         status(200, ""),
		"nonsense":             status(200, "yes, of course\n"),
		"a stranger's":         status(200, "— somebody AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"),
		"a conflict of words":  status(409, "elsewhere\n"),
		"a larger tree":        status(409, "4503599627370495\n"),
		"sizes without end":    func(rw http.ResponseWriter, r *http.Request, _ http.Handler) { conflicts(rw, r) },
		"a bad proof, it says": status(422, "no\n"),
		"ten gigabytes": func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
			block := bytes.Repeat([]byte("— x "), 1<<16)
			for range 40_000 {
				if _, err := rw.Write(block); err != nil {
					return
				}
			}
			t.Error("ten gigabytes were read")
		},
		"elsewhere": func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(rw, r, "http://192.0.2.1/", http.StatusTemporaryRedirect)
		},
		"a flipped bit": func(rw http.ResponseWriter, r *http.Request, honest http.Handler) {
			recorder := httptest.NewRecorder()
			honest.ServeHTTP(recorder, r)
			text := recorder.Body.Bytes()
			if len(text) > 60 {
				text[len(text)-20] ^= 1
			}
			rw.WriteHeader(recorder.Code)
			rw.Write(text)
		},
		"an old one": replay(),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			a, b, bad := s.peer("a"), s.peer("b"), s.peer("bad")
			policy := s.policy("group g 2 a b bad\nquorum g", bad, a, b)
			bad.lie(lie)
			config := s.config(policy)
			config.Timeout = time.Second
			collector, _ := s.run(config)
			for range 3 {
				size := s.grow(5)
				s.until("the others cosign", func() bool { return s.covered(policy, size) })
			}
			s.until("it is said what is wrong", func() bool { return name == "an old one" || collector.Status().Witnesses[0].Error != "" })
			status := collector.Status().Witnesses[0]
			if strings.ContainsAny(status.Error, "\x00\x1b") {
				t.Errorf("its words steer a terminal: %q", status.Error)
			}
			if want := name == "a larger tree"; status.Contradicts != want && name != "a bad proof, it says" && name != "sizes without end" {
				t.Errorf("contradicts is %v: %s", status.Contradicts, status.Error)
			}
			note, _, err := s.store.Newest()
			s.must(err)
			if bytes.Contains(note, []byte("witness.example/bad")) && name != "an old one" {
				t.Errorf("something of it is kept:\n%s", note)
			}
			// When it mends its ways it catches up, by itself.
			bad.lie(nil)
			size := s.grow(1)
			s.until("it catches up", func() bool { w := collector.Status().Witnesses[0]; return w.Size >= size && w.Error == "" })
		})
	}
}

// conflicts answers with another size each time.
func conflicts(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	request, err := witness.ParseRequest(body)
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	rw.Header().Set("Content-Type", "text/x.tlog.size")
	rw.WriteHeader(http.StatusConflict)
	fmt.Fprintf(rw, "%d\n", (request.Old+1)%3)
}

// replay answers with the first cosignature for ever.
func replay() func(rw http.ResponseWriter, r *http.Request, honest http.Handler) {
	var mu sync.Mutex
	var first []byte
	return func(rw http.ResponseWriter, r *http.Request, honest http.Handler) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			recorder := httptest.NewRecorder()
			honest.ServeHTTP(recorder, r)
			if recorder.Code == http.StatusOK {
				first = recorder.Body.Bytes()
			}
			rw.WriteHeader(recorder.Code)
			rw.Write(recorder.Body.Bytes())
			return
		}
		rw.Write(first)
	}
}

// TestSlowWitnesses: two that are both slow cosign the same checkpoint all the same,
// since a round waits for a quorum.
func TestSlowWitnesses(t *testing.T) {
	s := newSite(t)
	a, b := s.peer("a"), s.peer("b")
	policy := s.policy("group g all a b\nquorum g", a, b)
	for i, p := range []*peer{a, b} {
		p.lie(func(rw http.ResponseWriter, r *http.Request, honest http.Handler) {
			body, _ := io.ReadAll(r.Body)
			time.Sleep(time.Duration(60+90*i) * time.Millisecond) // it is slow: this is the case that is tried
			r.Body = io.NopCloser(bytes.NewReader(body))
			honest.ServeHTTP(rw, r)
		})
	}
	s.run(s.config(policy))
	for range 3 {
		size := s.grow(3)
		s.until("both cosign one checkpoint", func() bool { return s.covered(policy, size) })
	}
}

// TestRestoredLedger: a ledger that is put back from an old copy is told by its
// witnesses that they have seen more, and isn't cosigned again until it knows better.
func TestRestoredLedger(t *testing.T) {
	s := newSite(t)
	a := s.peer("a")
	policy := s.policy("quorum a", a)
	// The witness has seen a tree of this ledger that is larger than there is.
	s.grow(3)
	checkpoint, err := s.reader.Wait(t.Context(), s.Ledger.Size()-1)
	s.must(err)
	a.lie(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", checkpoint.Size+100)
	})
	collector, _ := s.run(s.config(policy))
	s.until("it is said that the trees contradict", func() bool {
		w := collector.Status().Witnesses[0]
		return w.Contradicts && strings.Contains(w.Error, "put back from an old copy")
	})
	if _, _, err := s.store.Newest(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is cosigned: %v", err)
	}
}

// TestPolicyOfAnotherLog: a policy that names other logs is not this ledger's.
func TestPolicyOfAnotherLog(t *testing.T) {
	s := newSite(t)
	a := s.peer("a")
	_, other := logSigner(t, "other.example")
	text := fmt.Sprintf("log %s\nwitness a %s %s\nquorum a\n", other, a.key.Key(), a.url)
	policy, err := formats.ParsePolicy([]byte(text))
	s.must(err)
	if _, err := witness.New(s.config(policy)); err == nil {
		t.Error("it is taken")
	}
	policy, err = formats.ParsePolicy([]byte(strings.Replace(text, other, s.Log.Key(), 1)))
	s.must(err)
	if _, err := witness.New(s.config(policy)); err != nil {
		t.Errorf("the ledger's own log line: %v", err)
	}
	policy, err = formats.ParsePolicy([]byte(strings.Replace(text, "http://", "file://", 1)))
	s.must(err)
	policy.Logs = nil
	if _, err := witness.New(s.config(policy)); err == nil {
		t.Error("a witness in a file is taken")
	}
}
