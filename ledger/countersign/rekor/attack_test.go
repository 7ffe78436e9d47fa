package rekor_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// attacker stands between the ledger and a real Rekor, and between it and what proves that
// its tree only grew: tiles in version 2.
type attacker struct {
	dialect
	real, other string // addresses; other has the same name and another key
	spec        string // of how the real one is reached, less its address
	entries     *httptest.Server
	tiles       *httptest.Server  // nil in version 1
	key         *ecdsa.PrivateKey // the real one's own, in version 1: it may lie by itself
	release     chan struct{}     // closed at the end
	sent        atomic.Int64      // bytes that were written of what is endless

	mu     sync.Mutex
	attack *attack // nil: as it is
	kept   []byte  // the last answer as it is
}

// dialect is how a version writes its answers.
type dialect struct {
	origin           string // that of its checkpoints begins so
	entry            func(answer map[string]any) map[string]any
	holder           func(entry map[string]any) map[string]any // of the proof
	envelopeOf       func(proof map[string]any) string
	setEnvelope      func(proof map[string]any, text string)
	flipped          func(any) string           // a bit of it changed
	rootOf           func(base64 string) string // as it stands in a proof
	number           func(uint64) any
	otherLog         func(any) any // the id of another
	body, logID, log string        // names of members, and the path of entries
}

// attack is one thing that an attacker does, to answers with an entry, to all requests
// about entries, or to those about the tree's growth. What it isn't about stays as it is.
type attack struct {
	name, says string // says is part of the error
	saysV1     string // if it isn't the same
	edit       func(a *attacker, entry map[string]any)
	whole      func(a *attacker, w http.ResponseWriter, r *http.Request)
	growth     func(a *attacker, w http.ResponseWriter, honest *httptest.ResponseRecorder)
}

func newAttackerV2(t *testing.T) *attacker {
	t.Helper()
	real, other := startServer(t, t.TempDir()), startServer(t, t.TempDir())
	a := &attacker{real: real.URL(), other: other.URL(), dialect: dialect{
		origin:     "rekor.example.my",
		entry:      func(answer map[string]any) map[string]any { return answer },
		holder:     func(e map[string]any) map[string]any { return e },
		envelopeOf: func(p map[string]any) string { return p["checkpoint"].(map[string]any)["envelope"].(string) },
		setEnvelope: func(p map[string]any, text string) {
			p["checkpoint"] = map[string]any{"envelope": text}
		},
		flipped: flippedBase64,
		rootOf:  func(root string) string { return root },
		number:  func(n uint64) any { return fmt.Sprint(n) },
		otherLog: func(id any) any {
			return map[string]any{"keyId": flippedBase64(id.(map[string]any)["keyId"])}
		},
		body: "canonicalizedBody", logID: "logId", log: "/api/v2/log/entries",
	}}
	tiles, err := real.Handler()
	if err != nil {
		t.Fatal(err)
	}
	a.tiles = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		honest := httptest.NewRecorder()
		tiles.ServeHTTP(honest, r)
		a.serveGrowth(w, honest)
	}))
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(real.Trusted().Key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a.spec = ",key=" + key + ",name=far,tiles=" + a.tiles.URL
	a.start(t)
	return a
}

func (a *attacker) start(t *testing.T) {
	a.release = make(chan struct{})
	a.entries = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(func() {
		close(a.release)
		for _, s := range []*httptest.Server{a.entries, a.tiles} {
			if s != nil {
				s.CloseClientConnections()
				s.Close()
			}
		}
	})
}

func (a *attacker) now() *attack {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.attack
}

func (a *attacker) set(now *attack) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attack = now
}

// forward asks a real one.
func forward(base string, r *http.Request) *httptest.ResponseRecorder {
	u, err := url.Parse(base)
	if err != nil {
		panic(err)
	}
	answer := httptest.NewRecorder()
	httputil.NewSingleHostReverseProxy(u).ServeHTTP(answer, r)
	return answer
}

func (a *attacker) serve(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, a.log) {
		a.serveGrowth(w, forward(a.real, r))
		return
	}
	now := a.now()
	if now != nil && now.whole != nil {
		now.whole(a, w, r)
		return
	}
	answer := forward(a.real, r)
	if now != nil && now.edit != nil {
		a.passEdited(w, answer, now.edit)
		return
	}
	if now == nil && hasEntry(answer) {
		a.mu.Lock()
		a.kept = bytes.Clone(answer.Body.Bytes())
		a.mu.Unlock()
	}
	pass(w, answer, answer.Body.Bytes())
}

// hasEntry tells whether an answer has an entry: of version 1 also one that was there.
func hasEntry(answer *httptest.ResponseRecorder) bool {
	return answer.Code == http.StatusCreated || answer.Code == http.StatusOK
}

// passEdited changes the entry in an answer, if it has one.
func (a *attacker) passEdited(w http.ResponseWriter, answer *httptest.ResponseRecorder, edit func(*attacker, map[string]any)) {
	body := answer.Body.Bytes()
	if hasEntry(answer) {
		whole := decoded(body)
		edit(a, a.entry(whole))
		body = encoded(whole)
	}
	pass(w, answer, body)
}

func (d dialect) proofOf(entry map[string]any) map[string]any {
	return d.holder(entry)["inclusionProof"].(map[string]any)
}

func (a *attacker) serveGrowth(w http.ResponseWriter, honest *httptest.ResponseRecorder) {
	if now := a.now(); now != nil && now.growth != nil {
		now.growth(a, w, honest)
		return
	}
	pass(w, honest, honest.Body.Bytes())
}

func decoded(body []byte) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var answer map[string]any
	if err := decoder.Decode(&answer); err != nil {
		panic(fmt.Sprintf("%v: %s", err, body))
	}
	return answer
}

func encoded(answer map[string]any) []byte {
	b, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return b
}

// last is the last answer as it was.
func (a *attacker) last() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return bytes.Clone(a.kept)
}

// before is the entry in it.
func (a *attacker) before() map[string]any { return a.entry(decoded(a.last())) }

// created answers with an entry.
func created(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	w.Write(body)
}

// flippedBase64 changes a bit in base64.
func flippedBase64(text any) string {
	b, err := base64.StdEncoding.DecodeString(text.(string))
	if err != nil || len(b) == 0 {
		panic(fmt.Sprint(text, err))
	}
	b[len(b)/2] ^= 1
	return base64.StdEncoding.EncodeToString(b)
}

// endless writes 10 GB, or as much of it as is taken.
func endless(a *attacker, w io.Writer, some []byte, times int) {
	for range times {
		n, err := w.Write(some)
		a.sent.Add(int64(n))
		if err != nil {
			return
		}
	}
}

var spaces = bytes.Repeat([]byte(" "), 1<<20)

// hang says nothing.
func hang(a *attacker, r *http.Request) {
	io.Copy(io.Discard, r.Body) // an unread body hides from the server that its client left
	select {
	case <-r.Context().Done():
	case <-a.release:
	}
}

// packed is 10 GB that travel as 10 MB: gzip members follow each other.
func packed(a *attacker, w http.ResponseWriter) {
	var member bytes.Buffer
	z := gzip.NewWriter(&member)
	z.Write(spaces)
	z.Close()
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	endless(a, w, member.Bytes(), 10<<10)
}

// hijacked writes what no handler could.
func hijacked(a *attacker, w http.ResponseWriter, r *http.Request, first string, some []byte) {
	io.Copy(io.Discard, r.Body)
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, first); err == nil {
		endless(a, conn, some, 1<<20)
	}
}

// both are done to either version.
var both = []attack{
	{name: "the proof of another entry", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) {
		a.holder(e)["inclusionProof"] = a.holder(a.before())["inclusionProof"]
	}},
	{name: "the proof and index of another entry", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) {
		a.holder(e)["inclusionProof"], e["logIndex"] = a.holder(a.before())["inclusionProof"], a.before()["logIndex"]
	}},
	{name: "a hash changed", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) {
		hashes := a.proofOf(e)["hashes"].([]any)
		hashes[0] = a.flipped(hashes[0])
	}},
	{name: "a hash less", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) {
		a.proofOf(e)["hashes"] = a.proofOf(e)["hashes"].([]any)[1:]
	}},
	{name: "a hash more", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) {
		hashes := a.proofOf(e)["hashes"].([]any)
		a.proofOf(e)["hashes"] = append(hashes, hashes[0])
	}},
	{name: "another root", says: "another root than its checkpoint's", edit: func(a *attacker, e map[string]any) {
		a.proofOf(e)["rootHash"] = a.flipped(a.proofOf(e)["rootHash"])
	}},
	{name: "another root in the checkpoint too", says: "its checkpoint: ", edit: func(a *attacker, e map[string]any) {
		p := a.proofOf(e)
		lines := strings.Split(a.envelopeOf(p), "\n")
		lines[2] = flippedBase64(lines[2])
		p["rootHash"] = a.rootOf(lines[2])
		a.setEnvelope(p, strings.Join(lines, "\n"))
	}},
	{name: "the checkpoint of another entry", says: "is for a tree of", edit: func(a *attacker, e map[string]any) {
		a.setEnvelope(a.proofOf(e), a.envelopeOf(a.proofOf(a.before())))
	}},
	{name: "the body of another entry", says: "does not lead to the root", saysV1: "is not that of its body", edit: func(a *attacker, e map[string]any) { e[a.body] = a.before()[a.body] }},
	{name: "a bit of the body", says: "does not lead to the root", saysV1: "is not that of its body", edit: func(a *attacker, e map[string]any) { e[a.body] = flippedBase64(e[a.body]) }},
	{name: "an old answer", says: "other bytes", whole: func(a *attacker, w http.ResponseWriter, _ *http.Request) { created(w, a.last()) }},
	{name: "another's answer, rightly signed", says: "names another log by its id", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.other, r)
		pass(w, answer, answer.Body.Bytes())
	}},
	{name: "another's answer in this one's name", says: "its checkpoint: ", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.other, r)
		a.passEdited(w, answer, func(a *attacker, e map[string]any) { e[a.logID] = a.before()[a.logID] })
	}},
	{name: "another's name", says: "names another log by its id", edit: func(a *attacker, e map[string]any) { e[a.logID] = a.otherLog(e[a.logID]) }},
	{name: "another origin", says: "its checkpoint", edit: func(a *attacker, e map[string]any) {
		p := a.proofOf(e)
		a.setEnvelope(p, strings.Replace(a.envelopeOf(p), a.origin, "rekor.example.sg", 1))
	}},
	{name: "another origin on all of it", says: "its checkpoint", edit: func(a *attacker, e map[string]any) {
		p := a.proofOf(e)
		a.setEnvelope(p, strings.ReplaceAll(a.envelopeOf(p), a.origin, "rekor.example.sg"))
	}},
	{name: "no checkpoint", says: "does not hold", saysV1: "half an inclusion proof", edit: func(a *attacker, e map[string]any) { delete(a.proofOf(e), "checkpoint") }},
	{name: "no proof", says: "does not hold", saysV1: "no index, time or proof", edit: func(a *attacker, e map[string]any) { delete(a.holder(e), "inclusionProof") }},
	{name: "another index", says: "its inclusion proof is for", saysV1: "the signature over its time does not hold", edit: func(a *attacker, e map[string]any) {
		e["logIndex"] = a.number(number(e["logIndex"]) + 1)
	}},
	{name: "another index in the proof", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) {
		p := a.proofOf(e)
		p["logIndex"] = a.number(number(p["logIndex"]) - 1)
	}},
	{name: "a monstrous size", says: "is for a tree of 9223372036854775807", edit: func(a *attacker, e map[string]any) { a.proofOf(e)["treeSize"] = a.number(1<<63 - 1) }},
	{name: "half an answer", says: "strict JSON", saysV1: "unexpected EOF", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.real, r)
		pass(w, answer, answer.Body.Bytes()[:answer.Body.Len()/2])
	}},
	{name: "an answer that breaks off", says: "EOF", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.real, r)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		panic(http.ErrAbortHandler)
	}},
	{name: "an empty answer", says: "strict JSON", saysV1: "with 0 entries", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) { created(w, nil) }},
	{name: "no answer", says: "no answer in time", whole: func(a *attacker, _ http.ResponseWriter, r *http.Request) { hang(a, r) }},
	{name: "an answer that never ends", says: "no answer in time", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		created(w, []byte("{"))
		w.(http.Flusher).Flush()
		hang(a, r)
	}},
	{name: "10 GB", says: "more than 1048576 bytes", whole: func(a *attacker, w http.ResponseWriter, _ *http.Request) {
		created(w, nil)
		endless(a, w, spaces, 10<<10)
	}},
	{name: "10 GB in 10 MB", says: "more than 1048576 bytes", whole: func(a *attacker, w http.ResponseWriter, _ *http.Request) { packed(a, w) }},
	{name: "10 GB of error", says: "more than 1048576 bytes", whole: func(a *attacker, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		endless(a, w, spaces, 10<<10)
	}},
	{name: "headers without end", says: "headers exceeded", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		hijacked(a, w, r, "HTTP/1.1 201 Created\r\n", []byte("X-Some: "+strings.Repeat("x", 4096)+"\r\n"))
	}},
	{name: "informational answers without end", says: "headers exceeded", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		hijacked(a, w, r, "", []byte("HTTP/1.1 103 Early Hints\r\nX-Some: x\r\n\r\n"))
	}},
	{name: "another address", says: "307", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, a.other+r.URL.Path, http.StatusTemporaryRedirect)
	}},
	{name: "another address, as JSON", says: "308", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Location", a.other+r.URL.Path)
		w.WriteHeader(http.StatusPermanentRedirect)
		w.Write(a.last())
	}},
	{name: "no proof of growth", says: "ask the Rekor to prove", growth: func(_ *attacker, w http.ResponseWriter, _ *httptest.ResponseRecorder) {
		http.Error(w, "gone", http.StatusNotFound)
	}},
	{name: "half a proof of growth", says: "ask the Rekor to prove", growth: func(_ *attacker, w http.ResponseWriter, honest *httptest.ResponseRecorder) {
		pass(w, honest, honest.Body.Bytes()[:honest.Body.Len()/2])
	}},
	{name: "proof of growth that never comes", says: "no answer in time", growth: func(a *attacker, _ http.ResponseWriter, _ *httptest.ResponseRecorder) { <-a.release }},
	{name: "10 GB of growth", says: "ask the Rekor to prove", growth: func(a *attacker, w http.ResponseWriter, _ *httptest.ResponseRecorder) {
		w.Header().Set("Content-Type", "application/json")
		endless(a, w, spaces, 10<<10)
	}},
}

// number reads one as either version writes it.
func number(v any) uint64 {
	n, err := strconv.ParseUint(fmt.Sprint(v), 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

var onlyV2 = []attack{
	{name: "a time", says: "has a time", edit: func(_ *attacker, e map[string]any) { e["integratedTime"] = "1700000000" }},
	{name: "tiles changed", says: "is not consistent", growth: func(_ *attacker, w http.ResponseWriter, honest *httptest.ResponseRecorder) {
		b := honest.Body.Bytes()
		for at := 0; at < len(b); at += 32 { // whichever of its hashes a proof needs
			b[at] ^= 1
		}
		w.WriteHeader(honest.Code)
		w.Write(b)
	}},
}

// TestAttacks does everything to one ledger's Rekor, one after the other, with an honest
// anchor in between: nothing of it is believed, and the ledger admits all along.
func TestAttacks(t *testing.T) {
	slowtest.Skip(t, "waits for a real Rekor after each attack")
	t.Parallel()
	t.Run("v2", func(t *testing.T) {
		t.Parallel()
		underAttack(t, newAttackerV2(t), slices.Concat(both, onlyV2))
	})
	t.Run("v1", func(t *testing.T) {
		t.Parallel()
		attacks := slices.Concat(both, onlyV1)
		for i := range attacks {
			attacks[i].says = cmp.Or(attacks[i].saysV1, attacks[i].says)
		}
		underAttack(t, newAttackerV1(t), attacks)
	})
}

func underAttack(t *testing.T, a *attacker, attacks []attack) {
	r, err := rekor.ParseSpec(a.entries.URL + a.spec)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	config := s.config(r)
	config.Timeout = 2 * time.Second
	anchorer, stop := s.run(config)
	honest := func(now *attack) {
		t.Helper()
		a.set(now)
		size := s.Ledger.Size() + 1
		s.grow(1)
		s.until("an honest anchor is believed", func() bool {
			status := anchorer.Status()[0]
			recorded := s.recorded()
			return status.Failures == 0 && status.Size >= size && len(recorded) > 0 && uint64(recorded[len(recorded)-1].Size) >= size
		})
	}
	for range 3 { // a tree in which proofs have hashes
		honest(nil)
	}
	if a.key != nil { // an entry that is there already is no attack
		honest(&attack{whole: conflicting(nil, nil)})
	}
	peak := watchHeap(t)
	for i := range attacks {
		attack := &attacks[i]
		a.set(attack)
		size, recorded := anchorer.Status()[0].Size, len(s.recorded())
		// The ledger takes messages, and publishes them, all the time.
		s.grow(3)
		last := ""
		s.until(attack.name+" is seen through: "+attack.says, func() bool {
			if e := anchorer.Status()[0].Error; e != last {
				t.Logf("%s: %s", attack.name, e)
				last = e
			}
			return strings.Contains(last, attack.says)
		})
		s.grow(3)
		if status := anchorer.Status()[0]; status.Size != size || len(s.recorded()) != recorded {
			t.Errorf("%s: it is believed: %+v", attack.name, status)
		}
		if len(anchorer.Status()[0].Error) > 1000 {
			t.Errorf("%s: an error of %d bytes", attack.name, len(anchorer.Status()[0].Error))
		}
		honest(nil)
	}
	t.Logf("%d attacks; of what is endless %d MiB were taken; the heap had %d MiB at most", len(attacks), a.sent.Load()>>20, peak()>>20)
	if sent := a.sent.Load(); sent > 256<<20 {
		t.Errorf("of 10 GB answers %d MiB were taken", sent>>20)
	}
	if most := peak(); most > 1<<30 { // with all tests that run beside it
		t.Errorf("the heap had %d MiB", most>>20)
	}
	s.quiet(r)
	stop()
	s.check(r)

	// What it showed in between is one tree, step for step.
	shards, err := rekor.ReadShards(s.dir, r.Name, &r.Trusted)
	if err != nil || len(shards) != 1 || !strings.HasPrefix(shards[0].Origin, a.origin) || shards[0].Steps < len(attacks) {
		t.Fatalf("%+v, %v", shards, err)
	}
}

// watchHeap returns what says the most that the heap has had since.
func watchHeap(t *testing.T) func() uint64 {
	var most atomic.Uint64
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for t.Context().Err() == nil {
			metrics.Read(sample)
			most.Store(max(most.Load(), sample[0].Value.Uint64()))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return most.Load
}

// TestShards keeps what a Rekor showed over restarts, crashes and damage.
func TestShards(t *testing.T) {
	t.Parallel()
	real := startServer(t, t.TempDir())
	r := real.Rekor("own")
	s := newSite(t)
	read := func() rekor.Shard {
		t.Helper()
		shards, err := rekor.ReadShards(s.dir, "own", &r.Trusted)
		if err != nil || len(shards) != 1 {
			t.Fatalf("%+v, %v", shards, err)
		}
		return shards[0]
	}
	steps := 0
	more := func() {
		t.Helper()
		a, stop := s.run(s.config(r))
		defer stop()
		size := s.Ledger.Size() + 1
		s.grow(2)
		s.until("all is anchored", func() bool { return a.Status()[0].Size >= size })
		s.quiet(r)
	}
	for range 3 {
		more()
		if shard := read(); shard.Steps <= steps {
			t.Fatalf("%+v after %d steps", shard, steps)
		} else {
			steps = shard.Steps
		}
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "own", "shards", "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		if err := os.WriteFile(files[0], b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A line that a crash cut short is written again.
	put(good[:len(good)-20])
	if shard := read(); shard.Steps != steps-1 {
		t.Errorf("%+v", shard)
	}
	more()
	read()
	// What was damaged is no ground, is laid aside, and a new file begins.
	for name, damage := range map[string]func(lines []string) []string{
		"a line less":  func(l []string) []string { return slices.Delete(l, 1, 2) },
		"a line twice": func(l []string) []string { return slices.Insert(l, 1, l[1]) },
		"another's": func(l []string) []string {
			return append(l, strings.ReplaceAll(l[0], "rekor.example.my", "rekor.example.sg"))
		},
		"a hash changed":  func(l []string) []string { l[2] = strings.Replace(l[2], `"hashes":["`, `"hashes":["AAAA`, 1); return l },
		"not JSON":        func(l []string) []string { l[1] = "{"; return l },
		"another's proof": func(l []string) []string { return append(l[:1:1], strings.Replace(l[2], `"from":`, `"from":1`, 1)) },
	} {
		lines := strings.Split(strings.TrimSuffix(string(good), "\n"), "\n")
		put([]byte(strings.Join(damage(lines), "\n") + "\n"))
		if shards, err := rekor.ReadShards(s.dir, "own", &r.Trusted); err == nil {
			t.Errorf("%s: %+v", name, shards)
		}
		more()
		if shard := read(); shard.Newest.Size <= uint64(steps) {
			t.Errorf("%s: %+v", name, shard)
		}
	}
}

// TestPolicy anchors in three Rekors, one and then two of which are away.
func TestPolicy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := newProxy(t, startServer(t, t.TempDir()))
	p.setSlow(true)
	away := p.rekor(t, "honest")
	one, two := startServer(t, t.TempDir()), startServer(t, t.TempDir())
	policies := map[string]*rekor.Anchorer{}
	all := []rekor.Rekor{one.Rekor("one"), two.Rekor("two"), away}
	for text, n := range map[string]int{"4": 3, "2": 1} {
		config := s.config(all[:n]...)
		config.Policy = policy(t, text)
		if _, err := rekor.New(config); err == nil {
			t.Errorf("%s of %d: it is taken", text, n)
		}
	}
	for _, text := range []string{"all", "any", "2"} {
		config := s.config(all...)
		config.Policy, config.Timeout = policy(t, text), time.Second
		config.Dir = filepath.Join(t.TempDir(), "anchors")
		config.Record = func(context.Context, events.AnchorRecorded) error { return nil }
		policies[text], _ = s.run(config)
		size := s.Ledger.Size() + 1
		s.grow(1)
		a := policies[text]
		s.until("two have it", func() bool { return a.Status()[0].Size >= size && a.Status()[1].Size >= size })
		want := map[string]bool{"all": false, "any": true, "2": true}[text]
		if got := a.Anchored() >= size; got != want {
			t.Errorf("%s: %d of %d leaves are anchored", text, a.Anchored(), size)
		}
		s.until("the third has failed", func() bool { return a.Status()[2].Failures > 0 })
		// What is kept for others comes a little later.
		s.until("it is kept what counts", func() bool {
			anchoring, err := rekor.ReadAnchoring(config.Dir)
			return err == nil && len(anchoring.Rekors) == 3 && anchoring.Size >= size == want
		})
		anchoring, err := rekor.ReadAnchoring(config.Dir)
		if err != nil || len(anchoring.Rekors) != 3 || anchoring.Size >= size != want || anchoring.Policy.String() != text {
			t.Errorf("%s: %+v, %v", text, anchoring, err)
		}
		if lag := anchoring.Lag(size); (lag.Leaves == 0) != want {
			t.Errorf("%s: %+v waits", text, lag)
		}
	}
}

func policy(t *testing.T, text string) verify.AnchorPolicy {
	t.Helper()
	p, err := verify.ParseAnchorPolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
