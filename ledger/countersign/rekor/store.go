package rekor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// DirName is the directory of anchors in a ledger's.
const DirName = "anchors"

const (
	entrySuffix = ".json"
	noteSuffix  = ".note"
	sizeDigits  = 20
	// maxFile bounds what is read of a file, in bytes: more than any that is believed.
	maxFile = 1 << 20
)

// Stored is an anchor as it is kept. It was verified when it was, and is to be
// verified by whoever uses it.
type Stored struct {
	Rekor string // name of its directory
	Size  uint64 // of the ledger at the checkpoint
	// Entry is the TransparencyLogEntry, JSON, in the form of [verify.LogEntry.Marshal].
	Entry []byte
	// Note is the signed checkpoint that was anchored, as the entry's digest has it.
	Note []byte
}

// Store reads anchors while others are added. It is safe for concurrent use. Files:
// <Rekor>/<size, 20 digits>.note and .json, the second written last.
type Store struct{ dir string }

// OpenStore opens the anchors in dir, which is [DirName] in a ledger's directory.
// There may be none, nor the directory, as yet.
func OpenStore(dir string) *Store { return &Store{dir} }

// Rekors returns the names of those in which something was anchored, in order.
func (s *Store) Rekors() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list anchors: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && validName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// List returns the first anchor of each Rekor whose checkpoint has at least minSize
// leaves: what proves soonest that the leaves below minSize were there. The smallest
// come first.
func (s *Store) List(minSize uint64) ([]Stored, error) {
	names, err := s.Rekors()
	if err != nil {
		return nil, err
	}
	var list []Stored
	for _, name := range names {
		sizes, err := s.Sizes(name)
		if err != nil {
			return nil, err
		}
		i, _ := slices.BinarySearch(sizes, minSize)
		if i == len(sizes) {
			continue
		}
		stored, err := s.Read(name, sizes[i])
		if err != nil {
			return nil, err
		}
		list = append(list, *stored)
	}
	slices.SortStableFunc(list, func(x, y Stored) int {
		if x.Size < y.Size {
			return -1
		} else if x.Size > y.Size {
			return 1
		}
		return 0
	})
	return list, nil
}

// Sizes returns the sizes of the checkpoints that are anchored in a Rekor, the
// smallest first.
func (s *Store) Sizes(rekor string) ([]uint64, error) {
	if !validName(rekor) {
		return nil, fmt.Errorf("list anchors: %.80q is no name of a Rekor", rekor)
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, rekor))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list anchors in %s: %w", rekor, err)
	}
	var sizes []uint64
	for _, e := range entries { // by name, and so by size
		digits, ok := strings.CutSuffix(e.Name(), entrySuffix)
		size, err := strconv.ParseUint(digits, 10, 63)
		if ok && err == nil && len(digits) == sizeDigits {
			sizes = append(sizes, size)
		}
	}
	return sizes, nil
}

// Read returns one anchor; the error wraps [fs.ErrNotExist] if there is none.
func (s *Store) Read(rekor string, size uint64) (*Stored, error) {
	if !validName(rekor) {
		return nil, fmt.Errorf("read an anchor: %.80q is no name of a Rekor", rekor)
	}
	entry, err := durable.ReadFile(s.path(rekor, size, entrySuffix), maxFile)
	if err != nil {
		return nil, fmt.Errorf("read an anchor: %w", err)
	}
	note, err := durable.ReadFile(s.path(rekor, size, noteSuffix), maxFile)
	if err != nil {
		return nil, fmt.Errorf("read an anchor: %w", err)
	}
	return &Stored{rekor, size, entry, note}, nil
}

// newest returns the anchor of the largest checkpoint in a Rekor, or nil.
func (s *Store) newest(rekor string) (*Stored, error) {
	sizes, err := s.Sizes(rekor)
	if err != nil || len(sizes) == 0 {
		return nil, err
	}
	return s.Read(rekor, sizes[len(sizes)-1])
}

// put keeps an anchor. It is durable when put returns, and there is an entry only
// where there is a note.
func (s *Store) put(a *Stored) error {
	if err := durable.MkdirAll(filepath.Join(s.dir, a.Rekor), 0o755); err != nil {
		return fmt.Errorf("keep an anchor: %w", err)
	}
	if err := durable.WriteFile(s.path(a.Rekor, a.Size, noteSuffix), a.Note, 0o644); err != nil {
		return fmt.Errorf("keep an anchor: %w", err)
	}
	if err := durable.WriteFile(s.path(a.Rekor, a.Size, entrySuffix), a.Entry, 0o644); err != nil {
		return fmt.Errorf("keep an anchor: %w", err)
	}
	return nil
}

func (s *Store) path(rekor string, size uint64, suffix string) string {
	return filepath.Join(s.dir, path.Join(rekor, fmt.Sprintf("%0*d%s", sizeDigits, size, suffix)))
}
