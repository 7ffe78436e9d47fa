package monitor_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/monitor"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// watched is a ledger's key with leaves of a real one, and a monitor of it.
type watched struct {
	*testing.T
	world  *readertest.World
	honest *readertest.Forger
	served atomic.Pointer[http.Handler]
	config monitor.Config
	seen   []monitor.Sighting // by the last look
	// orderFile is the file of the last proof of a broken order.
	orderFile string
}

// watch makes a monitor of the first size leaves of a ledger of all.
func watch(t *testing.T, size, all uint64) *watched {
	t.Helper()
	w := &watched{T: t, world: readertest.New(t)}
	w.world.Grow(all)
	w.honest = w.world.Forger(all)
	w.honest.Show(size)
	w.serve(w.honest)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*w.served.Load()).ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	w.config = monitor.Config{
		Dir: filepath.Join(t.TempDir(), "seen"), URLs: []string{server.URL}, Timeout: 500 * time.Millisecond,
		Trust:  &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.world.Trusted}},
		Report: func(s monitor.Sighting) { w.seen = append(w.seen, s) },
	}
	return w
}

func (w *watched) serve(h http.Handler) { w.served.Store(&h) }

// look looks once, as cron does: what was seen before is read again from the disk.
func (w *watched) look() monitor.Level {
	w.Helper()
	w.seen = nil
	m, err := monitor.Open(w.config)
	if err != nil {
		w.Fatal(err)
	}
	defer m.Close()
	level, err := m.Look(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return level
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func (w *watched) kinds() string {
	var all []string
	for _, s := range w.seen {
		all = append(all, string(s.Kind))
	}
	return strings.Join(all, " ")
}

// want looks, and holds what is seen to kinds.
func (w *watched) want(level monitor.Level, kinds string) {
	w.Helper()
	if got := w.look(); got != level || w.kinds() != kinds {
		w.Errorf("it sees %s, %q: want %s, %q", got, w.kinds(), level, kinds)
		for _, s := range w.seen {
			w.Logf("%s: %s", s.Kind, s.Text)
		}
	}
}

// proof returns what the proof of a fork that was seen proves to a stranger.
func (w *watched) proof() *verify.ForkStatement {
	w.Helper()
	i := slices.IndexFunc(w.seen, func(s monitor.Sighting) bool { return s.Kind == monitor.Forked })
	if i < 0 {
		w.Fatalf("there is no proof of a fork among %q", w.kinds())
	}
	text, err := os.ReadFile(w.seen[i].Proof)
	if err != nil {
		w.Fatal(err)
	}
	s, err := verify.VerifyFork(text, w.config.Trust)
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func TestHonest(t *testing.T) {
	w := watch(t, 1, 900)
	for _, size := range []uint64{1, 2, 3, 255, 256, 257, 600, 899, 900} {
		w.honest.Show(size)
		kinds := "grew"
		if size == 1 {
			kinds = "began"
		}
		w.want(monitor.Info, kinds)
		w.want(monitor.Info, "")
	}
	// Every older view, and what others were shown, is of this tree.
	for size := uint64(1); size < 900; size += 89 {
		w.honest.Show(size)
		w.want(monitor.Trouble, "went_back")
	}
	w.honest.Show(900)
	file := filepath.Join(t.TempDir(), "notes")
	var notes []byte
	for size := uint64(1); size <= 900; size += 31 {
		notes = append(append(append(notes, "# somebody's\n"...), w.honest.Sign(size)...), '\n')
	}
	if err := os.WriteFile(file, notes, 0o600); err != nil {
		t.Fatal(err)
	}
	w.config.Compare = []string{file}
	w.want(monitor.Info, "agrees")
}

// TestForkedAnywhere forks the tree at many leaves, with as many leaves as were seen,
// fewer and more: each is proven to strangers, unless it is an old view of the one tree.
func TestForkedAnywhere(t *testing.T) {
	const seen = 520
	w := watch(t, seen, seen+300)
	w.want(monitor.Info, "began")
	base := w.config.Dir
	for _, from := range []uint64{0, 1, 3, 254, 255, 256, 257, 300, 511, 512, 518, 519} {
		for _, size := range []uint64{from + 1, seen - 1, seen, seen + 1, 600, 768, seen + 300} {
			if size <= from {
				continue
			}
			w.config.Dir = filepath.Join(t.TempDir(), "seen")
			copyDir(t, base, w.config.Dir)
			w.serve(w.honest.Fork(from, size))
			w.want(monitor.Alarm, "forked")
			s := w.proof()
			if s.Older.Size != min(size, seen) || s.Newer.Size != max(size, seen) {
				t.Errorf("fork at %d to %d: the proof is about %d and %d", from, size, s.Older.Size, s.Newer.Size)
			}
			// It can't be taken back, and isn't told twice.
			w.serve(w.honest)
			w.want(monitor.Alarm, "")
		}
	}
}

// TestTwoTails has the log show one tail here and another there: who sees both, or is
// told of both, proves it.
func TestTwoTails(t *testing.T) {
	w := watch(t, 300, 400)
	w.want(monitor.Info, "began")
	other := w.honest.Fork(350, 380)
	there := httptest.NewServer(other)
	defer there.Close()
	here := w.config.URLs
	// Each alone sees nothing.
	w.honest.Show(360)
	w.want(monitor.Info, "grew")
	alone := w.config.Dir
	w.config.Dir, w.config.URLs = filepath.Join(t.TempDir(), "there"), []string{there.URL}
	w.want(monitor.Info, "began")
	// Both, in one monitor.
	w.config.URLs = []string{there.URL, here[0]}
	w.want(monitor.Alarm, "forked")
	// The first, told by the second's file. The larger tree's tiles are not here, so that
	// it waits until this one is as large.
	files, err := filepath.Glob(filepath.Join(w.config.Dir, "*", "checkpoints", "*.notes"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v, %v", files, err)
	}
	w.config.Dir, w.config.URLs, w.config.Compare = alone, here, files
	w.want(monitor.Trouble, "withheld")
	w.config.Compare = nil
	w.honest.Show(400)
	w.want(monitor.Alarm, "grew forked")
	if s := w.proof(); s.Older.Size != 380 || s.Newer.Size != 400 {
		t.Errorf("the proof is about %d and %d leaves", s.Older.Size, s.Newer.Size)
	}
}

// TestStaleView shows one reader an old tree for ever.
func TestStaleView(t *testing.T) {
	w := watch(t, 300, 400)
	w.want(monitor.Info, "began")
	now := time.Now()
	w.config.Now = func() time.Time { return now }
	now = now.Add(119 * time.Minute)
	w.want(monitor.Info, "")
	now = now.Add(2 * time.Minute)
	w.want(monitor.Trouble, "stale")
	// A receipt that somebody else holds says that there is more.
	proof := w.honest.Fork(400, 400) // the same leaves
	file := filepath.Join(t.TempDir(), "note")
	if err := os.WriteFile(file, proof.Sign(390), 0o600); err != nil {
		t.Fatal(err)
	}
	w.config.Compare = []string{file}
	w.want(monitor.Trouble, "withheld stale")
	w.honest.Show(400)
	w.want(monitor.Info, "grew agrees agrees")
}

// TestWithheldTiles shows a signed tree and none of its tiles, or others: nothing is
// believed, and the checkpoint is kept until it can be compared.
func TestWithheldTiles(t *testing.T) {
	w := watch(t, 300, 600)
	w.want(monitor.Info, "began")
	forged := w.honest.Fork(280, 500)
	only := func(pattern string, with http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", http.NotFoundHandler())
		mux.Handle(pattern, with)
		return mux
	}
	w.serve(only("/checkpoint", forged))
	w.want(monitor.Trouble, "withheld")
	// With the honest tiles beside it, which do not lead to its root.
	both := http.NewServeMux()
	both.Handle("/", w.honest)
	both.Handle("/checkpoint", forged)
	w.serve(both)
	w.want(monitor.Trouble, "withheld")
	// The log forgets what it showed, and grows past it.
	w.honest.Show(600)
	w.serve(w.honest)
	w.want(monitor.Alarm, "grew forked")
	if s := w.proof(); s.Older.Size != 500 || s.Newer.Size != 600 {
		t.Errorf("the proof is about %d and %d leaves", s.Older.Size, s.Newer.Size)
	}
}

// TestHostileServers holds that answers that are half, swapped, endless or never come
// change nothing that is kept, and cost bounded time.
func TestHostileServers(t *testing.T) {
	w := watch(t, 300, 700)
	w.want(monitor.Info, "began")
	w.honest.Show(700)
	altered := func(prefix string, change func([]byte) []byte) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, prefix) {
				w.honest.ServeHTTP(rw, r)
				return
			}
			recorder := httptest.NewRecorder()
			w.honest.ServeHTTP(recorder, r)
			rw.WriteHeader(recorder.Code)
			rw.Write(change(recorder.Body.Bytes()))
		})
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	hang := func(prefix string) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, prefix) {
				w.honest.ServeHTTP(rw, r)
				return
			}
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		})
	}
	endless := func(prefix string) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, prefix) {
				w.honest.ServeHTTP(rw, r)
				return
			}
			for chunk := make([]byte, 1<<20); ; {
				if _, err := rw.Write(chunk); err != nil {
					return
				}
			}
		})
	}
	stranger, _, err := note.GenerateKey(nil, readertest.Origin)
	if err != nil {
		t.Fatal(err)
	}
	strange, err := note.NewSigner(stranger)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		h     http.Handler
		kinds string
	}{
		{"checkpoint changed", altered("/checkpoint", flip), "away"},
		{"checkpoint cut", altered("/checkpoint", half), "away"},
		{"checkpoint by another key", altered("/checkpoint", func([]byte) []byte {
			return readertest.NewForger(t, strange, w.honest.Leaves).Sign(700)
		}), "away"},
		{"no checkpoint", altered("/checkpoint", func([]byte) []byte { return nil }), "away"},
		{"endless checkpoint", endless("/checkpoint"), "away"},
		{"hanging checkpoint", hang("/checkpoint"), "away"},
		{"tiles changed", altered("/tile/0/", flip), "withheld"},
		{"tiles cut", altered("/tile/0/", half), "withheld"},
		{"endless tiles", endless("/tile/0/"), "withheld"},
		{"hanging tiles", hang("/tile/0/"), "withheld"},
		{"nothing at all", http.NotFoundHandler(), "away"},
	}
	dir := w.config.Dir
	for _, test := range tests {
		w.config.Dir = filepath.Join(t.TempDir(), "seen")
		copyDir(t, dir, w.config.Dir)
		w.serve(test.h)
		w.config.LookTimeout = 5 * time.Minute
		if strings.HasPrefix(test.name, "hanging") || strings.HasPrefix(test.name, "endless") {
			w.config.LookTimeout = 3 * time.Second
		}
		began := time.Now()
		t.Run(test.name, func(t *testing.T) {
			w.want(monitor.Trouble, test.kinds)
			if took := time.Since(began); took > 5*time.Minute {
				t.Errorf("it took %v", took)
			}
			w.serve(w.honest)
			w.config.LookTimeout = 5 * time.Minute
			if w.look(); !strings.HasPrefix(w.kinds(), "grew") {
				t.Errorf("the honest one afterwards: %s", w.kinds())
			}
		})
	}
	// Leaves that don't come while the tree is proven: it goes on where it stopped.
	for name, h := range map[string]http.Handler{
		"leaves changed": altered("/tile/entries/002", flip), "leaves cut": altered("/tile/entries/002", half), "hanging leaves": hang("/tile/entries/002"),
	} {
		w.config.Dir = filepath.Join(t.TempDir(), "seen")
		copyDir(t, dir, w.config.Dir)
		t.Run(name, func(t *testing.T) {
			w.serve(h)
			if strings.HasPrefix(name, "hanging") {
				w.config.LookTimeout = 3 * time.Second
			}
			w.want(monitor.Trouble, "grew withheld")
			w.config.LookTimeout = 5 * time.Minute
			w.serve(w.honest)
			w.want(monitor.Info, "")
			w.serve(w.honest.Fork(600, 700))
			w.want(monitor.Alarm, "forked")
		})
	}
}

// TestAnotherGenesis signs a tree with another first leaf.
func TestAnotherGenesis(t *testing.T) {
	w := watch(t, 300, 300)
	w.serve(w.honest.Fork(0, 300))
	w.want(monitor.Alarm, "genesis")
	w.serve(w.honest)
	w.want(monitor.Alarm, "began")
}

// TestOrder signs a tree in which leaves are not in the order of the stream.
func TestOrder(t *testing.T) {
	w := watch(t, 20, 20)
	leaves := slices.Clone(w.honest.Leaves)
	leaves[10], leaves[11] = leaves[11], leaves[10]
	w.serve(readertest.NewForger(t, w.world.LogKey, leaves))
	w.want(monitor.Alarm, "began order")
	if leaf := w.seen[1].Leaf; leaf == nil || *leaf != 11 {
		t.Errorf("%+v", w.seen[1])
	}
	w.orderProof(w.seen[1], 11, 20)
	// It is one for ever, and another monitor that never saw the tree takes the checkpoint.
	w.want(monitor.Alarm, "")
	proof := w.orderFile
	w.config.Dir, w.config.Compare = filepath.Join(t.TempDir(), "other"), []string{proof}
	w.serve(w.honest)
	w.want(monitor.Alarm, "began forked")
}

// orderProof holds the proof of a sighting to what it proves to a stranger.
func (w *watched) orderProof(s monitor.Sighting, leaf, size uint64) {
	w.Helper()
	b, err := os.ReadFile(s.Proof)
	if err != nil {
		w.Fatal(err)
	}
	statement, err := verify.VerifyOrder(b, w.config.Trust)
	if err != nil || statement.Index != leaf || statement.Checkpoint.Size != size || statement.Broken != s.Text || *s.Leaf != leaf || s.Size != size {
		w.Errorf("%+v, %v: of %+v", statement, err, s)
	}
	w.orderFile = s.Proof
}

// TestOrderWithoutTiles raises the alarm where the tiles that prove it are withheld once
// the leaf was read, and proves it when all leaves were, in this look or another.
func TestOrderWithoutTiles(t *testing.T) {
	for name, later := range map[string]bool{"in this look": false, "in another": true} {
		t.Run(name, func(t *testing.T) {
			size := uint64(200) // all of them are read, and proven, in one go
			if later {
				size = 600
			}
			w := watch(t, size, size)
			leaves := slices.Clone(w.honest.Leaves)
			leaves[10], leaves[11] = leaves[11], leaves[10]
			forger := readertest.NewForger(t, w.world.LogKey, leaves)
			var mu sync.Mutex
			asked := map[string]bool{} // a tile is given once in the first look: then only to who keeps it
			first, withheld := true, later
			w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				mu.Lock()
				entries := strings.HasPrefix(r.URL.Path, "/tile/entries/")
				no := entries && withheld && !strings.HasSuffix(r.URL.Path, "/000") || !entries && strings.HasPrefix(r.URL.Path, "/tile/") && first && asked[r.URL.Path]
				asked[r.URL.Path] = true
				mu.Unlock()
				if no {
					http.NotFound(rw, r)
					return
				}
				forger.ServeHTTP(rw, r)
			}))
			if later {
				w.want(monitor.Alarm, "began order withheld")
				if s := w.seen[1]; s.Proof != "" || s.Leaf == nil || *s.Leaf != 11 {
					t.Errorf("%+v", s)
				}
				mu.Lock()
				first, withheld = false, false
				mu.Unlock()
				w.want(monitor.Alarm, "order")
				w.orderProof(w.seen[0], 11, size)
				return
			}
			w.want(monitor.Alarm, "began order order")
			if w.seen[1].Proof != "" {
				t.Errorf("%+v", w.seen[1])
			}
			w.orderProof(w.seen[2], 11, size)
		})
	}
}

// TestDamagedDirectory damages what the monitor has kept: it says so, and believes none
// of it.
func TestDamagedDirectory(t *testing.T) {
	w := watch(t, 300, 300)
	w.want(monitor.Info, "began")
	dir := w.config.Dir
	for name, damage := range map[string]func(path string, b []byte) []byte{
		"state.json": func(_ string, b []byte) []byte {
			return []byte(strings.Replace(string(b), `\n300\n`, `\n301\n`, 1))
		},
		"hashes": func(_ string, b []byte) []byte { b[tlog.HashSize*tlog.StoredHashIndex(8, 0)] ^= 1; return b },
	} {
		w.config.Dir = filepath.Join(t.TempDir(), "seen")
		copyDir(t, dir, w.config.Dir)
		files, err := filepath.Glob(filepath.Join(w.config.Dir, "*", name))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
		b, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(files[0], damage(name, b), 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := monitor.Open(w.config); err == nil {
			m.Close()
			t.Errorf("%s: it goes unnoticed", name)
		} else if h, ok := err.(interface{ Hint() string }); !ok || h.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What was written beyond the state is cut off.
	w.config.Dir = dir
	files, _ := filepath.Glob(filepath.Join(dir, "*", "hashes"))
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "half a hash")
	f.Close()
	w.want(monitor.Info, "")
	m, err := monitor.Open(w.config)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if other, err := monitor.Open(w.config); err == nil {
		other.Close()
		t.Error("two monitors use one directory")
	}
}

// TestEpochs has the ledger open an epoch, and somebody else begin one.
func TestEpochs(t *testing.T) {
	w := watch(t, 20, 20)
	last, err := formats.ParseLeaf(w.honest.Leaves[19])
	if err != nil {
		t.Fatal(err)
	}
	leaf := func(subject string, epoch, seq uint64) []byte {
		l := *last
		l.Subject, l.Epoch, l.Seq, l.Verdict, l.First, l.Count, l.Of, l.Code = subject, epoch, seq, formats.Accepted, 1, 1, 0, ""
		return l.Marshal()
	}
	log := func(leaves ...[]byte) *readertest.Forger {
		return readertest.NewForger(t, w.world.LogKey, append(slices.Clone(w.honest.Leaves), leaves...))
	}
	base := w.config.Dir
	for i, test := range []struct {
		leaves [][]byte
		level  monitor.Level
		kinds  string
	}{
		{[][]byte{leaf("ledger", 2, 7), leaf("ledger", 2, 7), leaf("events.nimbus-my.lab-1.bastion-1", 2, 8)}, monitor.Info, "began epoch"},
		{[][]byte{leaf("ledger", 2, 7), leaf("ledger", 3, 2)}, monitor.Info, "began epoch epoch"},
		{[][]byte{leaf("ledger", 3, 7)}, monitor.Alarm, "began order"},
		{[][]byte{leaf("events.nimbus-my.lab-1.bastion-1", 2, 8)}, monitor.Alarm, "began order"},
		{[][]byte{leaf("ledger", 1, last.Seq+1)}, monitor.Alarm, "began order"},
	} {
		w.config.Dir = fmt.Sprintf("%s-%d", base, i)
		w.serve(log(test.leaves...))
		w.want(test.level, test.kinds)
	}
}
