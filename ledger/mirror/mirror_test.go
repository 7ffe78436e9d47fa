package mirror_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// as lets in whoever says who it is in the place of a token.
type as struct{}

func (as) Authenticate(r *http.Request) (token.Grantee, error) {
	switch strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") {
	case "auditor":
		return token.Grantee{Name: "auditor", Role: token.Auditor}, nil
	case "other": // sees the registry, and nobody's events
		return token.Grantee{Name: "other", Role: token.Supervisor, Facilities: []string{"lab-2"}}, nil
	case "analyst":
		return token.Grantee{Name: "analyst", Role: token.Analyst}, nil
	}
	return token.Grantee{Role: token.Public}, nil
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
	mux := http.NewServeMux()
	mux.Handle("/", tree)
	mux.Handle("/bodies", ledgerhttp.Bodies(d, as{}))
	return mux
}

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}

// fetch brings a copy up to what is served at url, by somebody's mandate.
func fetch(t *testing.T, ctx context.Context, dir, url, who string, log *formats.Log, recheck bool) (*mirror.Fetched, error) {
	t.Helper()
	o := ledgerhttp.ReaderOptions{Timeout: 500 * time.Millisecond}
	if who != "" {
		o.Token = func(context.Context) (string, error) { return who, nil }
	}
	reader, err := ledgerhttp.NewReader(url, log, o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := mirror.Create(dir, log, who)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.Fetch(ctx, reader, mirror.Options{As: who, Recheck: recheck})
}

func auditOf(t *testing.T, dir string, w *readertest.World) *audit.Report {
	t.Helper()
	report, err := audit.Directory(t.Context(), dir, &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.Trusted}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestCopyIsAudited copies a ledger that grows, as far as several mandates go, and
// audits the copies as the ledger itself is audited.
func TestCopyIsAudited(t *testing.T) {
	w := readertest.New(t)
	url := listen(t, serve(t, w))
	dirs := map[string]string{}
	for _, who := range []string{"auditor", "other", "analyst", ""} {
		dirs[who] = filepath.Join(t.TempDir(), "copy")
	}
	had := uint64(0)
	for _, size := range []uint64{1, 2, 40, 255, 256, 257, 700, 1024, 1100} {
		w.Grow(size)
		for who, dir := range dirs {
			done, err := fetch(t, t.Context(), dir, url, who, w.Log, size%2 == 0)
			if err != nil {
				t.Fatalf("as %q, %d leaves: %v", who, size, err)
			}
			if done.Damaged != 0 || done.Leaves < size-had {
				t.Errorf("as %q, %d leaves: %+v", who, size, done)
			}
		}
		had = size
		own := auditOf(t, w.Dir, w)
		for who, dir := range dirs {
			r := auditOf(t, dir, w)
			if len(r.Failures) > 0 || len(own.Failures) > 0 {
				t.Fatalf("as %q, %d leaves: %v, of the ledger itself %v", who, size, r.Failures, own.Failures)
			}
			if r.Leaves != size || r.Root != own.Root || r.Accepted != own.Accepted || r.Duplicates != own.Duplicates || r.Rejected != own.Rejected || r.Events != own.Events {
				t.Errorf("as %q: %+v: want %+v", who, r, own)
			}
			left := uint64(0)
			for _, n := range r.NotRecomputed {
				left += n
			}
			if left+r.Verdicts != size {
				t.Errorf("as %q: %d verdicts were recomputed and %d weren't, of %d leaves", who, r.Verdicts, left, size)
			}
			switch who {
			case "auditor":
				if left != 0 || r.Withheld != 0 || r.Chains != own.Chains || r.Signatures != own.Signatures {
					t.Errorf("as an auditor: %+v: want %+v", r, own)
				}
			case "other":
				if r.NotRecomputed[audit.BodyWithheld] != size-min(size, 4) || r.Verdicts != min(size, 4) {
					t.Errorf("as a supervisor of another facility: %+v", r)
				}
			default:
				if r.NotRecomputed[audit.GenesisWithheld] != size {
					t.Errorf("as %q: %+v", who, r)
				}
			}
		}
	}
	// Nothing partial is left where the full tile is.
	for _, pattern := range []string{"tree/tile/*/00[0-3].p", "tree/tile/entries/00[0-3].p", "bodies/00[0-3].p"} {
		if left, _ := filepath.Glob(filepath.Join(dirs["auditor"], pattern)); len(left) > 0 && !strings.Contains(pattern, "*") {
			t.Errorf("left over: %v", left)
		}
	}
	// With another mandate, what was withheld is asked for again.
	done, err := fetch(t, t.Context(), dirs["other"], url, "auditor", w.Log, false)
	if err != nil || done.Bodies == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if r := auditOf(t, dirs["other"], w); r.Withheld != 0 || len(r.Failures) > 0 || r.Verdicts != 1100 {
		t.Errorf("with an auditor's mandate: %+v", r)
	}
	// It goes on from what is there.
	if done, err := fetch(t, t.Context(), dirs["auditor"], url, "auditor", w.Log, true); err != nil || done.Leaves != 0 || done.Kept != 1100 {
		t.Errorf("again: %+v, %v", done, err)
	}
}

// TestLargeCopy has tiles of three levels, and grows across them.
func TestLargeCopy(t *testing.T) {
	w := readertest.New(t)
	w.Grow(300)
	const most = 256*256 + 700
	forger := w.Forger(256).Fork(most, most)
	url, dir := listen(t, forger), filepath.Join(t.TempDir(), "copy")
	for _, size := range []uint64{256 * 255, 256*256 - 1, 256 * 256, 256*256 + 1, most} {
		forger.Show(size)
		if _, err := fetch(t, t.Context(), dir, url, "", w.Log, false); err != nil {
			t.Fatalf("%d leaves: %v", size, err)
		}
		c, err := mirror.Open(dir, w.Log)
		if err != nil {
			t.Fatal(err)
		}
		if c.Checkpoint().Size != size {
			t.Fatalf("the copy has %d leaves: want %d", c.Checkpoint().Size, size)
		}
		tree := tiles.New(c).Tree(t.Context(), c.Checkpoint().Tree())
		for _, at := range []uint64{0, 1, 255, 256, 40000, size - 1} {
			if _, err := tlog.ProveRecord(int64(size), int64(at), tree); err != nil {
				t.Errorf("leaf %d of %d: %v", at, size, err)
			}
		}
	}
}

// TestInterrupted stops a fetch again and again: it goes on from what came, and the
// copy is what the checkpoint says at every moment.
func TestInterrupted(t *testing.T) {
	w := readertest.New(t)
	w.Grow(600)
	honest := serve(t, w)
	dir := filepath.Join(t.TempDir(), "copy")
	var left atomic.Int64
	url := listen(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if left.Add(-1) < 0 {
			http.Error(rw, "enough", http.StatusTeapot)
			return
		}
		honest.ServeHTTP(rw, r)
	}))
	bodies := uint64(0)
	for step := int64(2); ; step++ {
		left.Store(step)
		done, err := fetch(t, t.Context(), dir, url, "auditor", w.Log, true)
		bodies += done.Bodies
		if err == nil {
			break
		}
		if step > 100 {
			t.Fatal(err)
		}
		c, err := mirror.Open(dir, w.Log)
		if err != nil {
			t.Fatal(err)
		}
		if c.Checkpoint() != nil { // only what Rekors and witnesses hold may be missing
			if r := auditOf(t, dir, w); len(r.Failures) > 0 {
				t.Fatalf("there is a checkpoint before it is whole: %v", r.Failures)
			}
		}
	}
	if r := auditOf(t, dir, w); len(r.Failures) > 0 || r.Verdicts != 600 {
		t.Errorf("%+v", r)
	}
	t.Logf("%d bodies came in all, of %d", bodies, 600)
}

// TestDamaged changes, cuts and removes each file of a copy: an audit finds it, and the
// next fetch mends it.
func TestDamaged(t *testing.T) {
	w := readertest.New(t)
	w.Grow(600)
	url, dir := listen(t, serve(t, w)), filepath.Join(t.TempDir(), "copy")
	if _, err := fetch(t, t.Context(), dir, url, "auditor", w.Log, true); err != nil {
		t.Fatal(err)
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && e.Name() != "lock" && e.Name() != "mirror.json" && e.Name() != "checkpoint" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 9 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, path := range files {
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, damage := range map[string]func(b []byte) []byte{
			"changed": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			"cut":     func(b []byte) []byte { return b[:len(b)/2] },
			"longer":  func(b []byte) []byte { return append(b, b...) },
			"gone":    nil,
		} {
			if damage == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, damage(append([]byte{}, good...)), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			if r := auditOf(t, dir, w); len(r.Failures) == 0 && name != "longer" { // what follows a tile is not read
				t.Errorf("%s, %s: the audit holds", path, name)
			}
			if _, err := fetch(t, t.Context(), dir, url, "auditor", w.Log, true); err != nil {
				t.Errorf("%s, %s: fetched again: %v", path, name, err)
			}
			if r := auditOf(t, dir, w); len(r.Failures) > 0 {
				t.Errorf("%s, %s: fetched again: %v", path, name, r.Failures)
			}
		}
	}
}

// TestForked has the ledger sign another tree: the copy stays as it is, with proof.
func TestForked(t *testing.T) {
	w := readertest.New(t)
	w.Grow(600)
	honest := w.Forger(600)
	trust := &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.Trusted}}
	for _, from := range []uint64{0, 3, 255, 256, 599} {
		for _, size := range []uint64{from + 1, 599, 600, 601, 900} {
			if size <= from {
				continue
			}
			dir := filepath.Join(t.TempDir(), "copy")
			if _, err := fetch(t, t.Context(), dir, listen(t, honest), "", w.Log, true); err != nil {
				t.Fatal(err)
			}
			before, err := mirror.Open(dir, w.Log)
			if err != nil {
				t.Fatal(err)
			}
			_, err = fetch(t, t.Context(), dir, listen(t, honest.Fork(from, size)), "", w.Log, true)
			var fork *mirror.ForkError
			if !errors.As(err, &fork) || fork.Hint() == "" {
				t.Fatalf("fork at %d to %d: %v", from, size, err)
			}
			proof, err := os.ReadFile(fork.Path)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := verify.VerifyFork(proof, trust); err != nil || s.Older.Size != min(600, size) {
				t.Errorf("fork at %d to %d: %+v, %v", from, size, s, err)
			}
			if c, err := mirror.Open(dir, w.Log); err != nil || c.Checkpoint().Root != before.Checkpoint().Root {
				t.Errorf("fork at %d to %d: the copy is another", from, size)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "copy")
	if _, err := fetch(t, t.Context(), dir, listen(t, honest), "", w.Log, true); err != nil {
		t.Fatal(err)
	}
	honest.Show(300)
	if _, err := fetch(t, t.Context(), dir, listen(t, honest), "", w.Log, true); !errors.Is(err, mirror.ErrOlder) {
		t.Errorf("an older view: %v", err)
	}
}

// TestHostile has a server answer with what isn't so, half, or never: the copy has none
// of it.
func TestHostile(t *testing.T) {
	w := readertest.New(t)
	w.Grow(600)
	honest := serve(t, w)
	for name, change := range map[string]func([]byte) []byte{
		"changed": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"cut":     func(b []byte) []byte { return b[:len(b)/2] },
		"none":    func(b []byte) []byte { return nil },
		"swapped": func(b []byte) []byte {
			recorder := httptest.NewRecorder()
			honest.ServeHTTP(recorder, httptest.NewRequest("GET", "/tile/entries/001", nil))
			return recorder.Body.Bytes()
		},
	} {
		for _, path := range []string{"/checkpoint", "/tile/entries/000", "/tile/entries/002", "/tile/1/", "/bodies"} {
			dir := filepath.Join(t.TempDir(), "copy")
			url := listen(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, path) {
					honest.ServeHTTP(rw, r)
					return
				}
				recorder := httptest.NewRecorder()
				honest.ServeHTTP(recorder, r)
				rw.WriteHeader(recorder.Code)
				rw.Write(change(recorder.Body.Bytes()))
			}))
			if _, err := fetch(t, t.Context(), dir, url, "auditor", w.Log, true); err == nil {
				t.Errorf("%s %s: believed", path, name)
			}
			if c, err := mirror.Open(dir, w.Log); err == nil && c.Checkpoint() != nil {
				t.Errorf("%s %s: there is a checkpoint", path, name)
			}
			// What came of it is no ground: the honest one is fetched over it.
			if _, err := fetch(t, t.Context(), dir, listen(t, honest), "auditor", w.Log, true); err != nil {
				t.Errorf("%s %s, then the honest one: %v", path, name, err)
			} else if r := auditOf(t, dir, w); len(r.Failures) > 0 || r.Verdicts != 600 {
				t.Errorf("%s %s, then the honest one: %+v", path, name, r)
			}
		}
	}
}
