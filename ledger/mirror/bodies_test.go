package mirror_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/readertest"
)

// TestErased has an event ordered erased that a copy has: when the ledger has less, so
// has the copy, and not before.
func TestErased(t *testing.T) {
	w := readertest.New(t)
	w.Grow(300)
	honest := serve(t, w)
	const leaf = 8 // an envelope of one event
	envelope, err := events.ParseEnvelope(w.Bodies[leaf])
	if err != nil {
		t.Fatal(err)
	}
	remains, err := envelope.Without(0)
	if err != nil {
		t.Fatal(err)
	}
	var gone atomic.Bool
	url := listen(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if gone.Load() && r.URL.Path == "/bodies" && r.URL.Query().Get("from") == "8" {
			rw.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(remains.Marshal()))), remains.Marshal()...))
			return
		}
		honest.ServeHTTP(rw, r)
	}))
	dir := filepath.Join(t.TempDir(), "copy")
	refresh := func() int {
		t.Helper()
		report := auditOf(t, dir, w)
		if len(report.Failures) > 0 || !slices.Equal(report.Overdue, []uint64{leaf}) {
			t.Fatalf("%+v", report)
		}
		reader, err := ledgerhttp.NewReader(url, w.Log, ledgerhttp.ReaderOptions{Token: func(context.Context) (string, error) { return "auditor", nil }})
		if err != nil {
			t.Fatal(err)
		}
		c, err := mirror.Create(dir, w.Log, "auditor")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		n, err := c.Refresh(t.Context(), reader, report.Overdue)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if _, err := fetch(t, t.Context(), dir, url, "auditor", w.Log, true); err != nil {
		t.Fatal(err)
	}
	w.Order(leaf, 0)
	if _, err := fetch(t, t.Context(), dir, url, "auditor", w.Log, true); err != nil {
		t.Fatal(err)
	}
	if n := refresh(); n != 0 {
		t.Errorf("%d are erased that the ledger still has", n)
	}
	gone.Store(true)
	if n := refresh(); n != 1 {
		t.Errorf("%d are erased: want 1", n)
	}
	if r := auditOf(t, dir, w); len(r.Failures) > 0 || r.Erased != 1 || len(r.Overdue) != 0 {
		t.Errorf("%+v", r)
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, envelope.Lines[0]) {
			t.Errorf("%s still has the event", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWithheld has a server withhold single bodies: what depends on them is counted by
// its reason, and nothing is called wrong for it.
func TestWithheld(t *testing.T) {
	w := readertest.New(t)
	w.Grow(300)
	honest := serve(t, w)
	own := auditOf(t, w.Dir, w)
	withholding := func(leaves ...uint64) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			honest.ServeHTTP(recorder, r)
			if r.URL.Path != "/bodies" || recorder.Code != http.StatusOK {
				rw.WriteHeader(recorder.Code)
				rw.Write(recorder.Body.Bytes())
				return
			}
			var at uint64
			fmt.Sscan(r.URL.Query().Get("from"), &at)
			for b := recorder.Body.Bytes(); len(b) > 0; at++ {
				n := binary.BigEndian.Uint32(b)
				if slices.Contains(leaves, at) {
					rw.Write([]byte{0xff, 0xff, 0xff, 0xff})
				} else {
					rw.Write(b[:4+n])
				}
				b = b[4+n:]
			}
		})
	}
	audited := func(leaves ...uint64) *audit.Report {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "copy")
		if _, err := fetch(t, t.Context(), dir, listen(t, withholding(leaves...)), "auditor", w.Log, true); err != nil {
			t.Fatal(err)
		}
		r := auditOf(t, dir, w)
		if len(r.Failures) > 0 || r.Withheld != uint64(len(leaves)) || r.Accepted != own.Accepted || r.Duplicates != own.Duplicates {
			t.Errorf("without %v: %v, %+v", leaves, r.Failures, r)
		}
		return r
	}
	if r := audited(0); r.NotRecomputed[audit.GenesisWithheld] != 300 || r.Verdicts != 0 {
		t.Errorf("without the genesis: %+v", r)
	}
	// Without the facility, the rules refuse what the ledger accepted, rightly.
	if r := audited(2); r.NotRecomputed[audit.BodyWithheld] != 1 || r.NotRecomputed[audit.RegistryWithheld] < 200 || r.Verdicts < 30 {
		t.Errorf("without a facility: %+v", r)
	}
	// Without an envelope, nobody knows what repeats it.
	var original uint64
	for i := range w.Bodies {
		entries, err := leafOf(t, w, uint64(i))
		if err == nil && entries.Verdict == formats.Duplicate {
			original = entries.Of
			break
		}
	}
	if r := audited(original); original == 0 || r.NotRecomputed[audit.BodyWithheld] != 1 || r.NotRecomputed[audit.OriginalWithheld] == 0 || r.Verdicts < 280 {
		t.Errorf("without leaf %d, which is repeated: %+v", original, r)
	}
}

func leafOf(t *testing.T, w *readertest.World, index uint64) (*formats.Leaf, error) {
	t.Helper()
	archive, err := archive.OpenArchive(w.Dir, 300)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	entries, err := archive.Entries(t.Context(), index)
	if err != nil {
		return nil, err
	}
	return formats.ParseLeaf(entries[0])
}

// TestNoOldBodies holds that of a bundle that grows its bodies lie there once.
func TestNoOldBodies(t *testing.T) {
	w := readertest.New(t)
	url, dir := listen(t, serve(t, w)), filepath.Join(t.TempDir(), "copy")
	for _, size := range []uint64{40, 41, 255, 256, 300, 513} {
		w.Grow(size)
		if err := os.MkdirAll(filepath.Join(dir, "bodies", "001.p"), 0o755); err != nil {
			t.Fatal(err)
		}
		if size == 40 {
			os.RemoveAll(dir)
		} else if err := os.WriteFile(filepath.Join(dir, "bodies", "001.p", "7"), []byte("left by an interrupted one"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := fetch(t, t.Context(), dir, url, "auditor", w.Log, true); err != nil {
			t.Fatal(err)
		}
		files := 0
		err := filepath.WalkDir(filepath.Join(dir, "bodies"), func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				files++
			}
			return err
		})
		if want := int((size + 255) / 256); err != nil || files != want {
			t.Errorf("%d leaves: %d files of bodies, %v: want %d", size, files, err, want)
		}
		if r := auditOf(t, dir, w); len(r.Failures) > 0 || r.Withheld > 0 {
			t.Errorf("%d leaves: %+v", size, r)
		}
	}
}
