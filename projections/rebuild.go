package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/projections/store"
)

// RebuildOptions are for [Rebuild]. The zero value is good.
type RebuildOptions struct {
	// Compare asks for the digests of both copies.
	Compare bool
	// Keep keeps the live generation, and removes the rebuilt one.
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

// Rebuild makes the views again from leaf 0, in a new generation beside the live one, up
// to the reader's newest checkpoint, and has it take the live one's place. An engine may
// be running on the live generation, in this process or another: it takes the rebuilt one
// over, and Rebuild waits until it has. One Rebuild at a time works on a backend.
func Rebuild(ctx context.Context, reader ledger.Reader, backend store.Backend, views []*View, options RebuildOptions) (*Rebuilt, error) {
	r, err := rebuild(ctx, reader, backend, views, &options)
	if err != nil {
		return nil, fmt.Errorf("rebuild views: %w", err)
	}
	return r, nil
}

func rebuild(ctx context.Context, reader ledger.Reader, backend store.Backend, views []*View, options *RebuildOptions) (_ *Rebuilt, err error) {
	e, err := newEngine(backend, views, options.Log)
	if err != nil {
		return nil, err
	}
	build, err := backend.Build(ctx, e.catalog.layout)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, build.Close()) }()
	if err := e.replay(ctx, reader, build, options.Progress); err != nil {
		return nil, err
	}
	r := &Rebuilt{Position: e.Position()}
	if options.Compare {
		if err := r.compare(ctx, backend, build, e.catalog); err != nil {
			return nil, err
		}
	}
	if options.Keep {
		return r, nil
	}
	r.Swapped = true
	return r, swap(ctx, backend, build, e.catalog.layout)
}

// replay makes the new generation. Only when it is whole is any of it made durable.
func (e *Engine) replay(ctx context.Context, reader ledger.Reader, build store.Build, progress func(done, total uint64)) error {
	checkpoint, err := reader.Checkpoint(ctx)
	if err != nil {
		return err
	}
	e.db, e.bulk = build, true
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
	return build.Finish(ctx)
}

// compare takes the digests of both generations, at the size of the smaller.
func (r *Rebuilt) compare(ctx context.Context, backend store.Backend, build store.Build, c *catalog) error {
	live, rebuilt := backend.Reader(c.layout), build.Reader()
	defer live.Close()
	defer rebuilt.Close()
	err := live.Read(ctx, func(snapshot store.Snapshot) error {
		r.Compared, r.Views = min(snapshot.Position().Size, r.Position.Size), nil
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
	return rebuilt.Read(ctx, func(snapshot store.Snapshot) error {
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
	// swapPoll is how often it is looked whether an engine has taken a generation over,
	// swapTime how long that may take.
	swapPoll = 50 * time.Millisecond
	swapTime = time.Minute
)

// swap has the engine that runs on the backend take the rebuilt generation over; where
// none runs, it does so itself.
func swap(ctx context.Context, backend store.Backend, build store.Build, layout store.Layout) error {
	if err := build.Offer(ctx); err != nil {
		return err
	}
	for late := time.After(swapTime); ; {
		holder, err := backend.Acquire(ctx, layout)
		if err == nil {
			_, err = holder.Adopt(ctx)
			return errors.Join(err, holder.Close())
		}
		if !errors.Is(err, store.ErrLocked) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return hinted{fmt.Errorf("the process that writes to %s hasn't taken the rebuilt views over", backend), "start the node again: it takes them over then"}
		case <-time.After(swapPoll):
		}
		if waits, err := backend.Waiting(ctx); err != nil || !waits {
			return err
		}
	}
}
