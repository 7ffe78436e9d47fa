package durable

import (
	"errors"
	"fmt"
	"os"
)

// ErrLocked means that a lock is held, by another process or by this one.
var ErrLocked = errors.New("another process holds the lock")

// Held is a lock that is held. It ends with Close, or with the process.
type Held struct{ f *os.File }

// Close ends the lock. The file stays, so that whoever waits for the lock has the same one.
func (h *Held) Close() error { return h.f.Close() }

// Note writes into the file who holds the lock, for whoever comes second. It is a courtesy:
// that it can't be written is no error.
func (h *Held) Note(text string) {
	if h.f.Truncate(0) == nil {
		_, _ = h.f.WriteAt([]byte(text), 0)
	}
}

// Lock takes an exclusive lock on a file, which it makes, with mode 0600, if it isn't there;
// it waits until nobody else holds it. The lock is advisory: it keeps out those who ask for
// it. A second lock in this process waits like one of another process.
//
// It is flock(2) on Unix and LockFileEx on Windows. Where a system has neither, as AIX and
// Solaris, the error is [errors.ErrUnsupported]: nothing is done unlocked.
func Lock(path string) (*Held, error) { return lock(path, exclusive) }

// LockShared is [Lock] together with others who share it: it waits for, and keeps out, those
// alone who want the lock for themselves.
func LockShared(path string) (*Held, error) { return lock(path, shared) }

// TryLock is [Lock] without waiting: the error is [ErrLocked] if the lock is held.
func TryLock(path string) (*Held, error) { return lock(path, exclusiveNow) }

// how a lock is taken.
type how int

const (
	exclusive how = iota
	exclusiveNow
	shared
)

func lock(path string, h how) (*Held, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := lockFile(f, h); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &Held{f}, nil
}
