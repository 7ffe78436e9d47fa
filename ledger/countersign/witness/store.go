package witness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// maxFile bounds what is read of a file, in bytes.
const maxFile = 256 << 10

// DirName is the directory of cosigned checkpoints in a ledger's.
const DirName = "cosigned"

const (
	sizeDigits = 20
	// A checkpoint that a quorum has cosigned ends in the first, another that some
	// witness has in the second.
	quorumSuffix = ".quorum"
	someSuffix   = ".some"
)

// Store keeps cosigned checkpoints, and reads them while others are added:
// <size, 20 digits>.quorum or .some. One process adds. It is safe for concurrent use.
type Store struct {
	dir     string
	persist func(path string, b []byte, mode os.FileMode) error

	mu sync.Mutex // of those that add
}

// OpenStore opens the checkpoints in dir, which is [DirName] in a ledger's directory.
// There may be none, nor the directory, as yet.
func OpenStore(dir string) *Store { return &Store{dir: dir, persist: durable.WriteFile} }

func (s *Store) path(size uint64, suffix string) string {
	return filepath.Join(s.dir, fmt.Sprintf("%0*d%s", sizeDigits, size, suffix))
}

// Read returns the cosigned checkpoint of a size, and whether a quorum has cosigned
// it; the error wraps [fs.ErrNotExist] if there is none.
func (s *Store) Read(size uint64) (note []byte, quorum bool, err error) {
	for _, suffix := range []string{quorumSuffix, someSuffix} {
		note, err = durable.ReadFile(s.path(size, suffix), maxFile)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if suffix == someSuffix { // it may have changed its name just now
			if again, retry := durable.ReadFile(s.path(size, quorumSuffix), maxFile); retry == nil {
				return again, true, nil
			}
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("read a cosigned checkpoint: %w", err)
	}
	_, err = os.Stat(s.path(size, quorumSuffix))
	return note, err == nil, nil
}

// sizes returns those of the checkpoints with a suffix, ascending.
func (s *Store) sizes(suffix string) ([]uint64, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list cosigned checkpoints: %w", err)
	}
	var sizes []uint64
	for _, e := range entries { // by name, and so by size
		digits, ok := strings.CutSuffix(e.Name(), suffix)
		size, err := strconv.ParseUint(digits, 10, 63)
		if ok && err == nil && len(digits) == sizeDigits {
			sizes = append(sizes, size)
		}
	}
	return sizes, nil
}

// Newest returns the largest checkpoint that a quorum has cosigned; where there is
// none, the largest that any witness has. The error wraps [fs.ErrNotExist] if there is
// none either.
func (s *Store) Newest() (note []byte, quorum bool, err error) {
	return s.find(func(sizes []uint64) (uint64, bool) {
		if len(sizes) == 0 {
			return 0, false
		}
		return sizes[len(sizes)-1], true
	})
}

// Covering returns the smallest checkpoint with more than leaf leaves that a quorum
// has cosigned; where there is none, the smallest that any witness has. The error
// wraps [fs.ErrNotExist] if there is none either.
func (s *Store) Covering(leaf uint64) (note []byte, quorum bool, err error) {
	return s.find(func(sizes []uint64) (uint64, bool) {
		at, _ := slices.BinarySearch(sizes, leaf+1)
		if at == len(sizes) {
			return 0, false
		}
		return sizes[at], true
	})
}

func (s *Store) find(choose func([]uint64) (uint64, bool)) (note []byte, quorum bool, err error) {
	for _, suffix := range []string{quorumSuffix, someSuffix} {
		sizes, err := s.sizes(suffix)
		if err != nil {
			return nil, false, err
		}
		if size, ok := choose(sizes); ok {
			return s.Read(size)
		}
	}
	return nil, false, fmt.Errorf("cosigned checkpoint: %w", fs.ErrNotExist)
}

// add keeps cosignatures on a checkpoint, beside those that are kept of it already,
// and returns all of it and whether they are a quorum now. It is durable when add
// returns. plain is the checkpoint as the log alone has signed it.
func (s *Store) add(policy *formats.Policy, size uint64, plain []byte, lines ...[]byte) (note []byte, quorum bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := durable.MkdirAll(s.dir, 0o755); err != nil {
		return nil, false, fmt.Errorf("keep cosignatures: %w", err)
	}
	note = bytes.Clone(plain)
	if kept, _, err := s.Read(size); err == nil && bytes.HasPrefix(kept, plain) {
		if _, _, err := policy.Cosigned(kept); err == nil { // what doesn't hold any more is begun anew
			note = kept
		}
	}
	before, _, err := policy.Cosigned(note)
	if err != nil {
		return nil, false, err
	}
	for _, line := range lines {
		signed, _, err := policy.Cosigned(append(bytes.Clone(plain), line...))
		if err != nil || len(signed) != 1 {
			return nil, false, fmt.Errorf("keep cosignatures: %q is none of the policy's: %w", line, err)
		}
		if !slices.ContainsFunc(before, func(c formats.Cosignature) bool { return c.By == signed[0].By }) {
			note = append(note, line...)
			before = append(before, signed[0])
		}
	}
	if _, quorum, err = policy.Cosigned(note); err != nil {
		return nil, false, err
	}
	suffix := someSuffix
	if quorum {
		suffix = quorumSuffix
	}
	if err := s.persist(s.path(size, suffix), note, 0o644); err != nil {
		return nil, false, fmt.Errorf("keep cosignatures: %w", err)
	}
	if quorum {
		if err := os.Remove(s.path(size, someSuffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, false, fmt.Errorf("keep cosignatures: %w", err)
		}
	}
	return note, quorum, nil
}
