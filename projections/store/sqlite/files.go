package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger/durable"
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

// lock takes a lock of a directory by name, exclusively; see [durable.TryLock].
func lock(dir, name string) (*durable.Held, error) {
	held, err := durable.TryLock(filepath.Join(dir, name))
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("lock %s: %w", filepath.Join(dir, name), store.ErrLocked)
	}
	return held, err
}

// lockNames keeps the names of the live database's files as they are; exclusively,
// so that they can be changed. Connections are opened under it: SQLite would take
// the write-ahead log of one database for another's.
func lockNames(dir string, exclusively bool) (unlock func(), err error) {
	take := durable.LockShared
	if exclusively {
		take = durable.Lock
	}
	held, err := take(filepath.Join(dir, "names.lock"))
	if err != nil {
		return nil, err
	}
	return func() { held.Close() }, nil
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
	if err := durable.Rename(filepath.Join(dir, name), live); err != nil {
		return fmt.Errorf("replace the views: %w", err)
	}
	return nil
}

// offer has a rebuilt copy, which must be finished and closed, wait to be the live
// one.
func offer(dir string) error {
	path := filepath.Join(dir, buildName)
	if err := removeSidecars(path); err != nil { // empty ones, that its readers left
		return err
	}
	return durable.Rename(path, filepath.Join(dir, nextName))
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
	if err := durable.Rename(live, filepath.Join(dir, DamagedName)); err != nil && !errors.Is(err, os.ErrNotExist) {
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
