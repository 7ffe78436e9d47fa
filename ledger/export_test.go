package ledger

import "path/filepath"

// EraseBody leaves of a body what it is told, in a ledger's directory that nobody has
// open, whatever the registry says.
func EraseBody(dir string, size, leaf uint64, remains []byte) error {
	b, err := openBodies(filepath.Join(dir, bodiesDir), size, false)
	if err != nil {
		return err
	}
	defer b.Close()
	return b.Erase(leaf, remains)
}
