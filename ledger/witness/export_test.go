package witness

import "os"

// WriteFile is how state is written, for tests in which writing fails.
var WriteFile = writeFile

// FailWrites has each write of state go through write.
func (w *Witness) FailWrites(write func(path string, b []byte, mode os.FileMode) error) {
	w.persist = write
}
