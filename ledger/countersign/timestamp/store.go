package timestamp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// DirName is the directory of timestamps in a ledger's.
const DirName = "timestamps"

const (
	tokenSuffix = ".tst"
	noteSuffix  = ".note"
	statusFile  = "status.json"
	sizeDigits  = 20
	// maxFile bounds what is read of a file, in bytes: more than any that is believed.
	maxFile = 1 << 20
)

// stored is a timestamp as it is kept: verified when it was.
type stored struct {
	size  uint64 // of the ledger at the checkpoint
	token []byte // DER
	note  []byte // the signed checkpoint that it is over
}

// store keeps the timestamps of one authority, in files that [DirName] has for each:
// <authority>/<size, 20 digits>.note and .tst, the second written last.
type store struct{ dir string }

func (s store) path(size uint64, suffix string) string {
	return filepath.Join(s.dir, fmt.Sprintf("%0*d%s", sizeDigits, size, suffix))
}

// newest returns the timestamp of the largest checkpoint, or nil.
func (s store) newest() (*stored, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list timestamps: %w", err)
	}
	var size uint64
	found := false
	for _, e := range entries { // by name, and so by size
		digits, ok := strings.CutSuffix(e.Name(), tokenSuffix)
		n, err := strconv.ParseUint(digits, 10, 63)
		if ok && err == nil && len(digits) == sizeDigits {
			size, found = n, true
		}
	}
	if !found {
		return nil, nil
	}
	token, err := durable.ReadFile(s.path(size, tokenSuffix), maxFile)
	if err != nil {
		return nil, fmt.Errorf("read a timestamp: %w", err)
	}
	note, err := durable.ReadFile(s.path(size, noteSuffix), maxFile)
	if err != nil {
		return nil, fmt.Errorf("read a timestamp: %w", err)
	}
	return &stored{size, token, note}, nil
}

// put keeps a timestamp. It is durable when put returns, and there is a token only
// where there is a note.
func (s store) put(t *stored) error {
	if err := s.make(); err != nil {
		return fmt.Errorf("keep a timestamp: %w", err)
	}
	if err := durable.WriteFile(s.path(t.size, noteSuffix), t.note, 0o644); err != nil {
		return fmt.Errorf("keep a timestamp: %w", err)
	}
	if err := durable.WriteFile(s.path(t.size, tokenSuffix), t.token, 0o644); err != nil {
		return fmt.Errorf("keep a timestamp: %w", err)
	}
	return nil
}

// make makes the directory; see [durable.MkdirAll].
func (s store) make() error {
	return durable.MkdirAll(s.dir, 0o755)
}
