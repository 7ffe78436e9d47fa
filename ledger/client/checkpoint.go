package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

const (
	// A smaller tree is believed to be one only when it is shown again and again:
	// a cache in between may be a moment behind.
	smallerTries = 3
	smallerPause = 200 * time.Millisecond
)

// newest returns the newest checkpoint that is signed by the ledger and
// continues the latest one that the outbox has seen: note, if it is one, or what
// the ledger serves now. A contradiction is kept as evidence.
func (c *Client) newest(ctx context.Context, o *Outbox, note []byte) (*formats.Checkpoint, error) {
	log, seen := c.config.Log, o.Checkpoint()
	got, err := log.OpenCheckpoint(note)
	if note == nil || err != nil || seen != nil && got.Size < seen.Size {
		// Anybody may have announced that; only what the ledger serves counts.
		for try := 1; ; try++ {
			if note, err = c.tiles.checkpoint(ctx); err != nil {
				return nil, fmt.Errorf("fetch the checkpoint of %s: %w", log.Origin(), err)
			}
			if got, err = log.OpenCheckpoint(note); err != nil {
				return nil, hint("compare the ledger's address and its key in the trust file", "what %s serves: %w", c.config.HTTP, err)
			}
			if seen == nil || got.Size >= seen.Size || try == smallerTries {
				break
			}
			if err := retry.Sleep(ctx, smallerPause); err != nil {
				return nil, err
			}
		}
	}
	if seen == nil || seen.Size == 0 {
		return got, nil
	}
	fork := &ForkError{Origin: log.Origin(), Seen: seen, Got: got}
	switch {
	case got.Size < seen.Size:
		return nil, o.keep(ctx, fork)
	case got.Size == seen.Size && got.Root == seen.Root:
		return seen, nil
	case got.Size == seen.Size:
		return nil, o.keep(ctx, fork)
	}
	continues, err := c.tiles.consistent(ctx, seen.Tree(), got.Tree())
	switch {
	case err != nil:
		return nil, fmt.Errorf("does the tree of %d leaves of %s continue that of %d: %w", got.Size, log.Origin(), seen.Size, err)
	case !continues:
		return nil, o.keep(ctx, fork)
	}
	return got, nil
}

// consistent reports whether to continues from. It errs if the tiles can't be
// fetched or don't lead to to's root, which says nothing about from.
func (t *tiles) consistent(ctx context.Context, from, to tlog.Tree) (bool, error) {
	// Cached tiles belong to from. If to is no continuation they mislead, so the
	// last word has what is served now.
	for _, fresh := range [...]bool{false, true} {
		r := t.tree(ctx, to)
		r.fresh = fresh
		proof, err := tlog.ProveTree(to.N, from.N, r)
		if err != nil {
			if fresh || ctx.Err() != nil {
				return false, err
			}
			continue
		}
		if tlog.CheckTree(proof, to.N, to.Hash, from.N, from.Hash) == nil {
			return true, nil
		}
	}
	return false, nil
}

func isFork(err error) bool {
	var fork *ForkError
	return errors.As(err, &fork)
}
