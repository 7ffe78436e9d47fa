package witness

import (
	"os"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// WriteFile is how state is written, for tests in which writing fails.
var WriteFile = durable.WriteFile

// FailWrites has each write of state go through write.
func (w *Witness) FailWrites(write func(path string, b []byte, mode os.FileMode) error) {
	w.persist = write
}
