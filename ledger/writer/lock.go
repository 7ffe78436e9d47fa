package writer

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// lockDir takes the exclusive lock on a ledger's directory, see [durable.TryLock].
func lockDir(dir string) (*durable.Held, error) {
	held, err := durable.TryLock(filepath.Join(dir, "lock"))
	switch {
	case errors.Is(err, durable.ErrLocked):
		return nil, fmt.Errorf("lock ledger %s: another process is writing to it: is its node running already?", dir)
	case err != nil:
		return nil, fmt.Errorf("open ledger %s: %w", dir, err)
	}
	return held, nil
}
