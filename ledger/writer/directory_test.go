package writer_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/readertest"
)

func openDirectory(t *testing.T, w *readertest.World) ledger.Reader {
	d, err := archive.OpenDirectory(w.Dir, w.Log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestDirectory(t *testing.T) { readertest.Run(t, openDirectory) }

// What is changed on the disk is not passed on.
func TestDirectoryDamaged(t *testing.T) {
	for _, pattern := range []string{"tree/tile/entries/000.p/*", "tree/tile/0/000.p/*", "bodies/*.bodies", "tree/checkpoint"} {
		w := readertest.New(t)
		w.Grow(40)
		names, err := filepath.Glob(filepath.Join(w.Dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)*2/3] ^= 1
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d, err := archive.OpenDirectory(w.Dir, w.Log)
		if err != nil {
			continue
		}
		defer d.Close()
		checkpoint, err := d.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Entries(t.Context(), checkpoint, 0); err == nil {
			t.Errorf("%s: a changed bit was not noticed", pattern)
		} else {
			t.Log(err)
		}
	}
}
