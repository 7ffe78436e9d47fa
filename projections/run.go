package projections

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections/store"
)

const (
	// A batch ends with the leaf that reaches one of these; near the head it ends
	// with the checkpoint.
	batchLeaves = 4096
	batchEvents = 20000
	batchBytes  = 16 << 20

	// indexFrom is how many leaves must be ahead of an empty database for its
	// indexes to be made afterwards.
	indexFrom = 10000

	// lookInterval is how often an idle engine looks whether a rebuilt copy waits.
	lookInterval = time.Second

	retryFirst = 100 * time.Millisecond
	retryMost  = 5 * time.Second
	// mostRetries is how many commits in a row may fail.
	mostRetries = 5
	// mostRenewals is how often a Run makes damaged views anew.
	mostRenewals = 3
)

// readError is an error of the reader, which may be away for a while.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

// Run shows the views every leaf that the reader's checkpoints cover, until the
// context ends, then returns nil. While the reader is away it waits and tries again;
// views that turn out to be damaged it makes anew, a few times. An error of a view
// names view, leaf and events; Run may be called again after [Engine.AwaitRebuilt].
func (e *Engine) Run(ctx context.Context, reader ledger.Reader) error {
	wait, renewals := retryFirst, 0
	for {
		began, size := time.Now(), e.Position().Size
		err := e.follow(ctx, reader, math.MaxUint64)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, ErrDamaged) && renewals < mostRenewals {
			renewals++
			if err := e.renew(ctx, err); err != nil {
				return err
			}
			continue
		}
		var away readError
		if !errors.As(err, &away) {
			return err
		}
		if e.Position().Size > size || time.Since(began) > retryMost {
			wait = retryFirst
		}
		e.log.Warn("following the ledger was interrupted", "error", err, "retry", wait)
		if retry.Sleep(ctx, wait) != nil {
			return nil
		}
		wait = min(2*wait, retryMost)
	}
}

// RunTo shows the views the leaves up to a tree size, waiting for a checkpoint that
// covers it, and returns.
func (e *Engine) RunTo(ctx context.Context, reader ledger.Reader, size uint64) error {
	return e.follow(ctx, reader, size)
}

func (e *Engine) follow(ctx context.Context, reader ledger.Reader, target uint64) error {
	if _, err := e.adoptWaiting(ctx); err != nil {
		return err
	}
	if e.db == nil { // a start failed
		if err := e.start(ctx); err != nil {
			return err
		}
	}
	if err := e.check(ctx, reader); err != nil {
		return err
	}
	for {
		adopted, err := e.adoptWaiting(ctx)
		if err != nil {
			return err
		}
		if adopted {
			if err := e.check(ctx, reader); err != nil {
				return err
			}
		}
		size := e.Position().Size
		if size >= target {
			return e.makeIndexes(ctx)
		}
		looking, cancel := context.WithTimeout(ctx, lookInterval)
		checkpoint, err := reader.Wait(looking, size)
		late := looking.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && late:
			continue
		case err != nil:
			return readError{fmt.Errorf("wait for more than %d leaves: %w", size, err)}
		}
		if err := e.catchUp(ctx, reader, checkpoint, min(target, checkpoint.Size)); err != nil {
			return err
		}
	}
}

// check compares the position with the reader's tree.
func (e *Engine) check(ctx context.Context, reader ledger.Reader) error {
	if e.stale {
		if err := e.restore(ctx); err != nil {
			return err
		}
	}
	checkpoint, err := reader.Checkpoint(ctx)
	if err == nil {
		err = checkChain(ctx, reader, checkpoint, e.Position())
	}
	if err != nil && !errors.Is(err, ErrOtherLedger) {
		return readError{err}
	}
	return err
}

// catchUp shows the views the leaves up to to, which the checkpoint covers.
func (e *Engine) catchUp(ctx context.Context, reader ledger.Reader, checkpoint *formats.Checkpoint, to uint64) error {
	from := e.Position().Size
	if !e.bulk && (from > 0 || to < indexFrom) {
		if err := e.makeIndexes(ctx); err != nil {
			return err
		}
	}
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	var batch []*Fact
	events, bytes := 0, 0
	for d := range e.decoder.read(reading, reader, checkpoint, from, to) {
		if d.err != nil {
			return readError{d.err}
		}
		for _, f := range d.facts {
			batch = append(batch, f)
			events += len(f.Events)
			bytes += f.size
			if len(batch) < batchLeaves && events < batchEvents && bytes < batchBytes && f.Index+1 < to {
				continue
			}
			if err := e.apply(ctx, batch); err != nil {
				return err
			}
			batch, events, bytes = nil, 0, 0
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p := e.Position()
	if p.Size != to {
		return nil // a commit that failed had been made, or had to be made again
	}
	if err := checkChain(ctx, reader, checkpoint, p); err != nil {
		if errors.Is(err, ErrOtherLedger) {
			return err
		}
		return readError{err}
	}
	if !e.bulk {
		return e.makeIndexes(ctx)
	}
	return nil
}

// apply shows the views a batch. Where the database failed it finds out whether the
// batch was written, and writes it if not.
func (e *Engine) apply(ctx context.Context, batch []*Fact) error {
	last := batch[len(batch)-1].Index + 1
	for wait := retryFirst; ; wait *= 2 {
		err := e.Apply(ctx, batch)
		if err == nil {
			e.retried = 0
			if e.progress != nil {
				e.progress(last, e.total)
			}
			return nil
		}
		if !errors.Is(err, errCommit) || errors.Is(err, ErrDamaged) || e.bulk || e.retried == mostRetries {
			return err
		}
		e.retried++
		e.log.Warn("the views could not be written", "error", err, "retry", wait)
		if retry.Sleep(ctx, wait) != nil {
			return ctx.Err()
		}
		if err := e.restore(ctx); err != nil {
			continue // Apply tries it again
		}
		if e.Position().Size == last {
			return nil
		}
	}
}

func (e *Engine) makeIndexes(ctx context.Context) error {
	if e.bulk || e.db.Indexed() {
		return nil
	}
	return e.db.MakeIndexes(ctx)
}

// renew begins anew where the database turned out to be damaged.
func (e *Engine) renew(ctx context.Context, why error) error {
	if e.db != nil {
		e.db.Close() // what it says of a damaged database doesn't matter
		e.db = nil
	}
	if err := e.setAside(ctx, why); err != nil {
		return err
	}
	return e.start(ctx)
}

// AwaitRebuilt returns when a generation that [Rebuild] made waits to be taken over, or
// with the context's error.
func (e *Engine) AwaitRebuilt(ctx context.Context) error {
	for {
		if waits, err := e.backend.Waiting(ctx); err == nil && waits {
			return nil
		}
		if retry.Sleep(ctx, lookInterval) != nil {
			return ctx.Err()
		}
	}
}

// adoptWaiting makes a rebuilt generation that waits the live one.
func (e *Engine) adoptWaiting(ctx context.Context) (bool, error) {
	if e.bulk {
		return false, nil
	}
	if waits, err := e.backend.Waiting(ctx); err != nil || !waits {
		return false, nil // it is looked again soon
	}
	if e.db != nil {
		err := e.db.Close()
		e.db = nil
		if err != nil && !errors.Is(err, ErrDamaged) {
			return false, fmt.Errorf("take the rebuilt views over: %w", err)
		}
	}
	if err := e.start(ctx); err != nil {
		return false, err
	}
	return true, nil
}

// adopt puts a rebuilt generation that waits in the live one's place, unless its rows
// are of other views. The live one must be closed.
func (e *Engine) adopt(ctx context.Context) error {
	adopted, err := e.holder.Adopt(ctx)
	if errors.Is(err, store.ErrUnusable) {
		e.log.Warn("rebuilt views can't be taken over, and were removed", "error", err)
		return nil
	}
	if adopted {
		e.log.Info("rebuilt views replaced the live ones", "views", e.backend)
	}
	return err
}
