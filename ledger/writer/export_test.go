package writer

import (
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger/archive"
)

// EraseBody leaves of a body what it is told, in a ledger's directory that nobody has
// open, whatever the registry says.
func EraseBody(dir string, size, leaf uint64, remains []byte) error {
	b, err := archive.OpenBodies(filepath.Join(dir, archive.BodiesDir), size, false)
	if err != nil {
		return err
	}
	defer b.Close()
	return b.Erase(leaf, remains)
}
