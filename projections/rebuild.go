package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/projections/store"
)

// RebuildOptions are for [Rebuild]. The zero value is good.
type RebuildOptions struct {
	// Compare asks for the digests of both copies.
	Compare bool
	// Keep keeps the live copy, and throws the rebuilt one away.
	Keep bool
	// Progress, if not nil, is called now and then with the leaves seen and the
	// leaves there are.
	Progress func(done, total uint64)
	Log      *slog.Logger
}

// Rebuilt is what [Rebuild] did.
type Rebuilt struct {
	// Position is how far the rebuilt copy has come.
	Position Position
	// Compared is the tree size that Views are of: the live copy's, when it was
	// compared. Views is empty if that wasn't asked for.
	Compared uint64
	Views    []Comparison
	// Incomparable is why there was no live copy to compare with, if there was none.
	Incomparable error
	// Swapped says that the rebuilt copy is the live one now.
	Swapped bool
}

// Equal tells whether all views were compared and are equal.
func (r *Rebuilt) Equal() bool {
	for _, v := range r.Views {
		if !v.Equal {
			return false
		}
	}
	return len(r.Views) > 0
}

// Comparison is a view's digest in both copies.
type Comparison struct {
	View    string        `json:"view"`
	Live    events.Digest `json:"live"`
	Rebuilt events.Digest `json:"rebuilt"`
	Equal   bool          `json:"equal"`
}

// Rebuild makes the views again from leaf 0, beside the live copy in dir, up to the
// reader's newest checkpoint, and puts them in its place. An engine may be running
// on the live copy, in this process or another: it takes the rebuilt one over, and
// Rebuild waits until it has. One Rebuild at a time works on a directory.
func Rebuild(ctx context.Context, reader ledger.Reader, dir string, views []*View, options RebuildOptions) (*Rebuilt, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("rebuild views: %w", err)
	}
	lock, err := store.Lock(dir, "rebuild.lock")
	if err != nil {
		return nil, fmt.Errorf("rebuild views: %w", err)
	}
	defer lock.Close()
	r, err := rebuild(ctx, reader, dir, views, &options)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rebuild views: %w", err), store.Remove(dir, store.RebuildName))
	}
	return r, nil
}

func rebuild(ctx context.Context, reader ledger.Reader, dir string, views []*View, options *RebuildOptions) (*Rebuilt, error) {
	e, err := newEngine(dir, views, options.Log)
	if err != nil {
		return nil, err
	}
	if err := e.replay(ctx, reader, options.Progress); err != nil {
		return nil, err
	}
	r := &Rebuilt{Position: e.Position()}
	if options.Compare {
		if err := r.compare(ctx, dir, e.catalog); err != nil {
			return nil, err
		}
	}
	if options.Keep {
		return r, store.Remove(dir, store.RebuildName)
	}
	r.Swapped = true
	return r, swap(ctx, dir)
}

// replay makes the copy beside the live one. Only when it is whole is any of it
// made durable.
func (e *Engine) replay(ctx context.Context, reader ledger.Reader, progress func(done, total uint64)) error {
	checkpoint, err := reader.Checkpoint(ctx)
	if err != nil {
		return err
	}
	if err := store.Remove(e.dir, store.RebuildName); err != nil {
		return err
	}
	db, err := store.Open(ctx, filepath.Join(e.dir, store.RebuildName), e.catalog.layout, true)
	if err != nil {
		return err
	}
	e.db, e.bulk = db, true
	defer db.Close()
	if err := e.restore(ctx); err != nil {
		return err
	}
	e.progress, e.total = progress, checkpoint.Size
	if e.progress != nil {
		e.progress(0, e.total)
	}
	if checkpoint.Size > 0 {
		if err := e.catchUp(ctx, reader, checkpoint, checkpoint.Size); err != nil {
			return err
		}
	}
	return db.Finish(ctx)
}

// compare takes the digests of both copies, at the size of the smaller.
func (r *Rebuilt) compare(ctx context.Context, dir string, c *catalog) error {
	live, rebuilt := store.NewReader(dir, c.layout), store.NewNamedReader(dir, store.RebuildName, c.layout)
	defer live.Close()
	defer rebuilt.Close()
	err := live.Read(ctx, func(snapshot *store.Snapshot) error {
		r.Compared, r.Views = min(snapshot.Position.Size, r.Position.Size), nil
		for _, v := range c.views {
			d, err := digest(ctx, snapshot, c, v, r.Compared)
			if err != nil {
				return fmt.Errorf("the live view %s: %w", v.Name, err)
			}
			r.Views = append(r.Views, Comparison{View: v.Name, Live: d})
		}
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		r.Compared, r.Views, r.Incomparable = 0, nil, err
		return nil
	}
	return rebuilt.Read(ctx, func(snapshot *store.Snapshot) error {
		for i, v := range c.views {
			d, err := digest(ctx, snapshot, c, v, r.Compared)
			if err != nil {
				return fmt.Errorf("the rebuilt view %s: %w", v.Name, err)
			}
			r.Views[i].Rebuilt, r.Views[i].Equal = d, d == r.Views[i].Live
		}
		return nil
	})
}

const (
	// swapPoll is how often it is looked whether an engine has taken a copy over,
	// swapTime how long that may take.
	swapPoll = 50 * time.Millisecond
	swapTime = time.Minute
)

// swap puts the rebuilt copy in the live one's place, or has the engine that runs
// on that do it.
func swap(ctx context.Context, dir string) error {
	next := filepath.Join(dir, store.NextName)
	if err := store.Offer(dir); err != nil {
		return err
	}
	for late := time.After(swapTime); ; {
		lock, err := store.Lock(dir, "lock")
		if err == nil {
			if _, err = os.Stat(next); err == nil {
				err = store.Replace(dir, store.NextName)
			} else if errors.Is(err, os.ErrNotExist) {
				err = nil
			}
			return errors.Join(err, lock.Close())
		}
		if !errors.Is(err, store.ErrLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return hinted{fmt.Errorf("the process that writes to %s hasn't taken the rebuilt views over", dir), "start the node again: it takes them over then"}
		case <-time.After(swapPoll):
		}
		if _, err := os.Stat(next); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
}
