package rekor_test

import (
	"bytes"
	"context"
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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/rekor"
	"github.com/saksi-ledger/saksi/ledger/rekor/server"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// attacker stands between the ledger and a real Rekor v2, and between it and its tiles.
type attacker struct {
	real, other *server.Server // other has the same name and another key
	entries     *httptest.Server
	tiles       *httptest.Server
	release     chan struct{} // closed at the end
	sent        atomic.Int64  // bytes that were written of what is endless

	mu     sync.Mutex
	attack *attack // nil: as it is
	kept   []byte  // the last answer as it is
}

// attack is one thing that an attacker does, to answers about entries or to tiles.
type attack struct {
	name  string
	says  string // part of the error
	edit  func(a *attacker, entry map[string]any)
	whole func(a *attacker, w http.ResponseWriter, r *http.Request)
	tile  func(a *attacker, w http.ResponseWriter, honest *httptest.ResponseRecorder)
}

func newAttacker(t *testing.T) *attacker {
	t.Helper()
	a := &attacker{real: startServer(t, t.TempDir()), other: startServer(t, t.TempDir()), release: make(chan struct{})}
	tiles, err := a.real.Handler()
	if err != nil {
		t.Fatal(err)
	}
	a.entries = httptest.NewServer(http.HandlerFunc(a.serveEntries))
	a.tiles = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		honest := httptest.NewRecorder()
		tiles.ServeHTTP(honest, r)
		if now := a.now(); now != nil && now.tile != nil {
			now.tile(a, w, honest)
			return
		}
		w.WriteHeader(honest.Code)
		w.Write(honest.Body.Bytes())
	}))
	t.Cleanup(func() {
		close(a.release)
		for _, s := range []*httptest.Server{a.entries, a.tiles} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	return a
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

func forward(s *server.Server, r *http.Request) *httptest.ResponseRecorder {
	u, err := url.Parse(s.URL())
	if err != nil {
		panic(err)
	}
	answer := httptest.NewRecorder()
	httputil.NewSingleHostReverseProxy(u).ServeHTTP(answer, r)
	return answer
}

func (a *attacker) serveEntries(w http.ResponseWriter, r *http.Request) {
	now := a.now()
	if now != nil && now.whole != nil {
		now.whole(a, w, r)
		return
	}
	answer := forward(a.real, r)
	body := answer.Body.Bytes()
	if answer.Code == http.StatusCreated && now != nil && now.edit != nil {
		body = edited(a, body, now.edit)
	} else if answer.Code == http.StatusCreated {
		a.mu.Lock()
		a.kept = bytes.Clone(body)
		a.mu.Unlock()
	}
	pass(w, answer, body)
}

func edited(a *attacker, body []byte, edit func(*attacker, map[string]any)) []byte {
	entry := entryOf(body)
	edit(a, entry)
	b, err := json.Marshal(entry)
	if err != nil {
		panic(err)
	}
	return b
}

func entryOf(body []byte) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var entry map[string]any
	if err := decoder.Decode(&entry); err != nil {
		panic(err)
	}
	return entry
}

// before is the last answer as it was.
func (a *attacker) before() map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return entryOf(a.kept)
}

func proofOf(entry map[string]any) map[string]any { return entry["inclusionProof"].(map[string]any) }

func envelopeOf(entry map[string]any) string {
	return proofOf(entry)["checkpoint"].(map[string]any)["envelope"].(string)
}

// flipped changes a bit in base64.
func flipped(text any) string {
	b, err := base64.StdEncoding.DecodeString(text.(string))
	if err != nil || len(b) == 0 {
		panic(fmt.Sprint(text, err))
	}
	b[len(b)/2] ^= 1
	return base64.StdEncoding.EncodeToString(b)
}

// endless writes 10 GB, or as much of it as is taken.
func endless(a *attacker, w http.ResponseWriter) {
	some := bytes.Repeat([]byte(" "), 1<<20)
	for range 10 << 10 {
		n, err := w.Write(some)
		a.sent.Add(int64(n))
		if err != nil {
			return
		}
	}
}

var attacks = []attack{
	{name: "the proof of another entry", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) { e["inclusionProof"] = a.before()["inclusionProof"] }},
	{name: "the proof and index of another entry", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) {
		e["inclusionProof"], e["logIndex"] = a.before()["inclusionProof"], a.before()["logIndex"]
	}},
	{name: "a hash changed", says: "does not lead to the root", edit: func(_ *attacker, e map[string]any) {
		hashes := proofOf(e)["hashes"].([]any)
		hashes[0] = flipped(hashes[0])
	}},
	{name: "a hash less", says: "does not lead to the root", edit: func(_ *attacker, e map[string]any) {
		proofOf(e)["hashes"] = proofOf(e)["hashes"].([]any)[1:]
	}},
	{name: "a hash more", says: "does not lead to the root", edit: func(_ *attacker, e map[string]any) {
		hashes := proofOf(e)["hashes"].([]any)
		proofOf(e)["hashes"] = append(hashes, hashes[0])
	}},
	{name: "another root", says: "another root than its checkpoint's", edit: func(_ *attacker, e map[string]any) { proofOf(e)["rootHash"] = flipped(proofOf(e)["rootHash"]) }},
	{name: "another root in the checkpoint too", says: "its checkpoint: ", edit: func(_ *attacker, e map[string]any) {
		root := flipped(proofOf(e)["rootHash"])
		lines := strings.Split(envelopeOf(e), "\n")
		lines[2] = root
		proofOf(e)["rootHash"], proofOf(e)["checkpoint"] = root, map[string]any{"envelope": strings.Join(lines, "\n")}
	}},
	{name: "the body of another entry", says: "does not lead to the root", edit: func(a *attacker, e map[string]any) { e["canonicalizedBody"] = a.before()["canonicalizedBody"] }},
	{name: "a bit of the body", says: "does not lead to the root", edit: func(_ *attacker, e map[string]any) { e["canonicalizedBody"] = flipped(e["canonicalizedBody"]) }},
	{name: "an old answer", says: "other bytes", whole: func(a *attacker, w http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
		w.Write(a.kept)
	}},
	{name: "another's answer, rightly signed", says: "names another log by its id", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.other, r)
		pass(w, answer, answer.Body.Bytes())
	}},
	{name: "another's answer in this one's name", says: "its checkpoint: ", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.other, r)
		pass(w, answer, edited(a, answer.Body.Bytes(), func(a *attacker, e map[string]any) { e["logId"] = a.before()["logId"] }))
	}},
	{name: "another origin", says: "its checkpoint", edit: func(_ *attacker, e map[string]any) {
		proofOf(e)["checkpoint"] = map[string]any{"envelope": strings.Replace(envelopeOf(e), "rekor.example.my", "rekor.example.sg", 1)}
	}},
	{name: "another origin on all of it", says: "its checkpoint", edit: func(_ *attacker, e map[string]any) {
		proofOf(e)["checkpoint"] = map[string]any{"envelope": strings.ReplaceAll(envelopeOf(e), "rekor.example.my", "rekor.example.sg")}
	}},
	{name: "no checkpoint", says: "does not hold", edit: func(_ *attacker, e map[string]any) { delete(proofOf(e), "checkpoint") }},
	{name: "no proof", says: "does not hold", edit: func(_ *attacker, e map[string]any) { delete(e, "inclusionProof") }},
	{name: "a monstrous size", says: "is for a tree of 9223372036854775807", edit: func(_ *attacker, e map[string]any) { proofOf(e)["treeSize"] = "9223372036854775807" }},
	{name: "half an answer", says: "strict JSON", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.real, r)
		pass(w, answer, answer.Body.Bytes()[:answer.Body.Len()/2])
	}},
	{name: "an answer that breaks off", says: "EOF", whole: func(a *attacker, w http.ResponseWriter, r *http.Request) {
		answer := forward(a.real, r)
		w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
		panic(http.ErrAbortHandler)
	}},
	{name: "no answer", says: "no answer in time", whole: func(a *attacker, _ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
		case <-a.release:
		}
	}},
	{name: "10 GB", says: "more than 1048576 bytes", whole: func(a *attacker, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
		endless(a, w)
	}},
	{name: "10 GB of error", says: "more than 1048576 bytes", whole: func(a *attacker, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		endless(a, w)
	}},
	{name: "tiles changed", says: "is not consistent", tile: func(_ *attacker, w http.ResponseWriter, honest *httptest.ResponseRecorder) {
		b := honest.Body.Bytes()
		for at := 0; at < len(b); at += 32 { // whichever of its hashes a proof needs
			b[at] ^= 1
		}
		w.WriteHeader(honest.Code)
		w.Write(b)
	}},
	{name: "half a tile", says: "ask the Rekor to prove", tile: func(_ *attacker, w http.ResponseWriter, honest *httptest.ResponseRecorder) {
		w.Write(honest.Body.Bytes()[:honest.Body.Len()/2])
	}},
	{name: "no tiles", says: "ask the Rekor to prove", tile: func(_ *attacker, w http.ResponseWriter, _ *httptest.ResponseRecorder) {
		http.Error(w, "gone", http.StatusNotFound)
	}},
	{name: "tiles that never come", says: "no answer in time", tile: func(a *attacker, _ http.ResponseWriter, _ *httptest.ResponseRecorder) { <-a.release }},
	{name: "10 GB of tiles", says: "ask the Rekor to prove", tile: func(a *attacker, w http.ResponseWriter, _ *httptest.ResponseRecorder) { endless(a, w) }},
}

// TestAttacks does everything to one ledger's Rekor, one after the other, with an honest
// anchor in between: nothing of it is believed, and the ledger admits all along.
func TestAttacks(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a real Rekor after each attack, a minute or two in all: not in -short")
	}
	t.Parallel()
	a := newAttacker(t)
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(a.real.Trusted().Key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := rekor.ParseSpec(a.entries.URL + ",key=" + key + ",name=far,tiles=" + a.tiles.URL)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	config := s.config(r)
	config.Timeout = 2 * time.Second
	anchorer, stop := s.run(config)
	honest := func() {
		t.Helper()
		a.set(nil)
		size := s.Ledger.Size() + 1
		s.grow(1)
		s.until("an honest anchor is believed", func() bool {
			status := anchorer.Status()[0]
			recorded := s.recorded()
			return status.Failures == 0 && status.Size >= size && len(recorded) > 0 && uint64(recorded[len(recorded)-1].Size) >= size
		})
	}
	for range 3 { // a tree in which proofs have hashes
		honest()
	}
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
		honest()
	}
	if sent := a.sent.Load(); sent > 256<<20 {
		t.Errorf("of 10 GB answers %d MiB were taken", sent>>20)
	}
	s.quiet(r)
	stop()
	s.check(r)

	// What it showed in between is one tree, step for step.
	shards, err := rekor.ReadShards(s.dir, "far", &r.Trusted)
	if err != nil || len(shards) != 1 || shards[0].Origin != "rekor.example.my" || shards[0].Steps < len(attacks) {
		t.Fatalf("%+v, %v", shards, err)
	}
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
