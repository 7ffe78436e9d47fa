package monitor

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

var errDisk = errors.New("the disk is gone")

// TestFaults has each write of a look fail, both ways: nothing was written, and it was
// written and is said to have failed. The next monitor of the directory goes on from what
// is there, sees all that there is to see, and finds a fork as the first one would have.
func TestFaults(t *testing.T) {
	w := readertest.New(t)
	w.Grow(300)
	honest := w.Forger(300)
	forked := honest.Fork(250, 310)
	var served atomic.Pointer[readertest.Forger]
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { served.Load().ServeHTTP(rw, r) }))
	defer server.Close()

	// look opens the directory anew and looks once; the write with the given number fails.
	look := func(dir string, failing int, written bool) (level Level, writes int, err error) {
		m, err := Open(Config{Dir: dir, Trust: &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.Trusted}}, URLs: []string{server.URL}})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		k, err := m.tree(w.Trusted.Origin)
		if err != nil {
			t.Fatal(err)
		}
		k.persist = func(path string, b []byte) error {
			writes++
			if writes != failing {
				return durable.WriteFile(path, b, 0o600)
			}
			if written {
				if err := durable.WriteFile(path, b, 0o600); err != nil {
					return err
				}
			}
			return errDisk
		}
		level, err = m.Look(t.Context())
		return level, writes, err
	}
	steps := []struct {
		f     *readertest.Forger
		show  uint64
		level Level
	}{{honest, 200, Info}, {honest, 300, Info}, {forked, 310, Alarm}}
	for at := range steps {
		for failing := 1; ; failing++ {
			done := false
			for _, written := range []bool{false, true} {
				dir := filepath.Join(t.TempDir(), "seen")
				for i, step := range steps {
					step.f.Show(step.show)
					served.Store(step.f)
					if i == at {
						_, writes, err := look(dir, failing, written)
						if writes < failing {
							done = true
							break
						}
						if !errors.Is(err, errDisk) {
							t.Errorf("step %d, write %d, written %v: %v", at, failing, written, err)
						}
					}
					if level, _, err := look(dir, 0, false); err != nil || level != step.level {
						t.Errorf("step %d, write %d, written %v, then step %d: %s, %v", at, failing, written, i, level, err)
					}
				}
				if done {
					break
				}
				proofs, err := filepath.Glob(filepath.Join(dir, "*", "fork-*.saksi-fork"))
				if err != nil || len(proofs) != 1 {
					t.Errorf("step %d, write %d, written %v: proofs %v, %v", at, failing, written, proofs, err)
					continue
				}
				proof, err := os.ReadFile(proofs[0])
				if err == nil {
					_, err = verify.VerifyFork(proof, &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.Trusted}})
				}
				if err != nil {
					t.Error(err)
				}
			}
			if done {
				if failing < 3 {
					t.Errorf("step %d has %d writes", at, failing-1)
				}
				break
			}
		}
	}
}
