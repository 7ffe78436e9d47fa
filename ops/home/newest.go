package home

import (
	"os"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// newestFile is outside of the ledger's directory: who puts that back from a copy leaves
// this as it is.
const newestFile = "newest.checkpoint"

// Newest returns the newest checkpoint that the node has noted, a signed note. The error
// is [os.ErrNotExist] if there is none.
func (a *Authority) Newest() ([]byte, error) { return os.ReadFile(a.path(newestFile)) }

// SetNewest notes the newest checkpoint.
func (a *Authority) SetNewest(note []byte) error {
	return durable.WriteFile(a.path(newestFile), note, 0o644)
}
