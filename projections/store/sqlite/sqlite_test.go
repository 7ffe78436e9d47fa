package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/projections/store"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
	"github.com/saksi-ledger/saksi/projections/store/storetest"
)

func TestBackend(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		New: func(t testing.TB) store.Backend {
			dir, err := os.MkdirTemp(t.TempDir(), "views-")
			if err != nil {
				t.Fatal(err)
			}
			return sqlite.New(filepath.Join(dir, "50% made? when #1 needs it"))
		},
		Open: func(place string) store.Backend { return sqlite.New(place) },
		Damage: func(t testing.TB, place string) {
			path := filepath.Join(place, sqlite.FileName)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			copy(b[4096:], bytes.Repeat([]byte{0xa5}, len(b)-4096))
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	})
}
