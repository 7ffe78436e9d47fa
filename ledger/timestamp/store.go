package timestamp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
	token, err := readFile(s.path(size, tokenSuffix))
	if err != nil {
		return nil, fmt.Errorf("read a timestamp: %w", err)
	}
	note, err := readFile(s.path(size, noteSuffix))
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
	if err := writeFile(s.path(t.size, noteSuffix), t.note); err != nil {
		return fmt.Errorf("keep a timestamp: %w", err)
	}
	if err := writeFile(s.path(t.size, tokenSuffix), t.token); err != nil {
		return fmt.Errorf("keep a timestamp: %w", err)
	}
	return nil
}

// make makes the directory, durably: where its name and its parent's stand is synced.
func (s store) make() error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	parent := filepath.Dir(s.dir)
	return errors.Join(syncDir(filepath.Dir(parent)), syncDir(parent))
}

// readFile reads a file of bounded size.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return b, err
}

// writeFile writes a file whole or not at all: create beside it, write, fsync, rename,
// fsync the directory.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
