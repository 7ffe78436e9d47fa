package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/saksi-ledger/saksi/projections/store"
)

const (
	// FileName is the live database's in its directory.
	FileName = "views.db"
	// DamagedName is the last live one's that was found to be damaged.
	DamagedName = "views.damaged.db"
	// buildName is the one's that is being built beside it.
	buildName = "views.rebuild.db"
	// nextName is the one's that is whole, and waits to be the live one.
	nextName = "views.next.db"
)

// lock takes a lock of a directory by name, exclusively. It ends with the returned
// file's Close, or with the process.
func lock(dir, name string) (*os.File, error) {
	f, err := openLock(dir, name)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = store.ErrLocked
		}
		return nil, fmt.Errorf("lock %s: %w", filepath.Join(dir, name), err)
	}
	return f, nil
}

func openLock(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
}

// lockNames keeps the names of the live database's files as they are; exclusively,
// so that they can be changed. Connections are opened under it: SQLite would take
// the write-ahead log of one database for another's.
func lockNames(dir string, exclusively bool) (unlock func(), err error) {
	f, err := openLock(dir, "names.lock")
	if err != nil {
		return nil, err
	}
	how := unix.LOCK_SH
	if exclusively {
		how = unix.LOCK_EX
	}
	for {
		if err = unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// replace puts the database name in the live one's place. Nobody may be writing to
// either, and name's must be closed. Who reads the live one goes on doing so until
// it looks again: its files lose their names and stay.
func replace(dir, name string) error {
	unlock, err := lockNames(dir, true)
	if err != nil {
		return err
	}
	defer unlock()
	live := filepath.Join(dir, FileName)
	if err := errors.Join(removeSidecars(live), removeSidecars(filepath.Join(dir, name))); err != nil {
		return fmt.Errorf("replace the views: %w", err)
	}
	if err := os.Rename(filepath.Join(dir, name), live); err != nil {
		return fmt.Errorf("replace the views: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("replace the views: %w", err)
	}
	defer d.Close()
	return d.Sync()
}

// offer has a rebuilt copy, which must be finished and closed, wait to be the live
// one.
func offer(dir string) error {
	path := filepath.Join(dir, buildName)
	if err := removeSidecars(path); err != nil { // empty ones, that its readers left
		return err
	}
	return os.Rename(path, filepath.Join(dir, nextName))
}

// remove removes a database, if it is there, with the files beside it.
func remove(dir, name string) error {
	unlock, err := lockNames(dir, true)
	if err != nil {
		return err
	}
	defer unlock()
	path := filepath.Join(dir, name)
	return errors.Join(removeSidecars(path), removeIfThere(path))
}

// setAside gives the live database, which must be closed, the name of a damaged one.
func setAside(dir string) error {
	unlock, err := lockNames(dir, true)
	if err != nil {
		return err
	}
	defer unlock()
	live := filepath.Join(dir, FileName)
	if err := os.Rename(live, filepath.Join(dir, DamagedName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("set damaged views aside: %w", err)
	}
	return removeSidecars(live)
}

func removeSidecars(path string) error {
	return errors.Join(removeIfThere(path+"-wal"), removeIfThere(path+"-shm"), removeIfThere(path+"-journal"))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
