// Package sqlite stores the rows of views in SQLite.
//
// It knows the names of the files, and all that is SQL about views.
//
// Not here: the meaning of rows, and other users of SQLite: the outbox and the ledger
// have databases of their own.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/projections/store"
)

// Backend is a [store.Backend] on a directory, which any number of processes can open.
// Generations are files: the live one has the name [FileName], and another takes that
// name under a lock that readers look at whenever they open a connection.
type Backend struct{ dir string }

// New returns the Backend on a directory. It is made when something is first written.
func New(dir string) *Backend { return &Backend{dir: dir} }

// String returns the directory.
func (b *Backend) String() string { return b.dir }

// Shared is true.
func (b *Backend) Shared() bool { return true }

// Acquire takes the right to write to the live generation.
func (b *Backend) Acquire(_ context.Context, layout store.Layout) (store.Holder, error) {
	held, err := b.lock("lock")
	if err != nil {
		return nil, err
	}
	return &holder{dir: b.dir, layout: layout, lock: held}, nil
}

func (b *Backend) lock(name string) (*durable.Held, error) {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, err
	}
	return lock(b.dir, name)
}

// Build begins a new generation.
func (b *Backend) Build(ctx context.Context, layout store.Layout) (store.Build, error) {
	held, err := b.lock("rebuild.lock")
	if err != nil {
		return nil, err
	}
	if err := remove(b.dir, buildName); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	db, err := open(ctx, filepath.Join(b.dir, buildName), layout, true)
	if err != nil {
		return nil, errors.Join(err, remove(b.dir, buildName), held.Close())
	}
	return &build{database: db, dir: b.dir, lock: held}, nil
}

// Waiting tells whether a generation was offered and is not live yet.
func (b *Backend) Waiting(context.Context) (bool, error) { return waiting(b.dir) }

func waiting(dir string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, nextName))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Reader reads the live generation.
func (b *Backend) Reader(layout store.Layout) store.Reader {
	return &reader{dir: b.dir, name: FileName, layout: layout}
}

type holder struct {
	dir    string
	layout store.Layout
	lock   *durable.Held
}

func (h *holder) Open(ctx context.Context) (store.Writer, error) {
	db, err := open(ctx, filepath.Join(h.dir, FileName), h.layout, false)
	if err != nil {
		return nil, err
	}
	return db, nil
}

func (h *holder) Adopt(ctx context.Context) (bool, error) {
	if there, err := waiting(h.dir); err != nil || !there {
		return false, err
	}
	db, err := open(ctx, filepath.Join(h.dir, nextName), h.layout, false)
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("%w: %w", store.ErrUnusable, err), remove(h.dir, nextName))
	}
	return true, replace(h.dir, nextName)
}

func (h *holder) Remove(context.Context) error { return remove(h.dir, FileName) }

func (h *holder) SetAside(context.Context) (string, error) {
	return filepath.Join(h.dir, DamagedName), setAside(h.dir)
}

func (h *holder) Close() error { return h.lock.Close() }

// build is a generation in a file of its own.
type build struct {
	*database
	dir      string
	lock     *durable.Held
	finished bool
}

func (b *build) Finish(ctx context.Context) error {
	if err := b.database.finish(ctx); err != nil {
		return err
	}
	b.finished = true
	return nil
}

func (b *build) Reader() store.Reader {
	return &reader{dir: b.dir, name: buildName, layout: b.layout}
}

func (b *build) Offer(context.Context) error {
	if !b.finished {
		return fmt.Errorf("offer views %s: they are not finished", b.path)
	}
	return offer(b.dir)
}

func (b *build) Close() error {
	return errors.Join(b.database.Close(), remove(b.dir, buildName), b.lock.Close())
}
