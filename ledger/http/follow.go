package http

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// readAhead is how many bundles are being fetched at most while one is taken.
const readAhead = 8

// Follow hands leaves to take, proven and without their bodies, in order, from index
// from up to the checkpoint's size, up to 256 at a time. Some of what comes next is
// fetched meanwhile. It ends with the first error, take's own too.
func (r *Reader) Follow(ctx context.Context, checkpoint *formats.Checkpoint, from uint64, take func([]ledger.Entry) error) error {
	return ahead(ctx, checkpoint.Size, from, func(ctx context.Context, from uint64) ([]ledger.Entry, error) {
		return r.Leaves(ctx, checkpoint, from)
	}, take)
}

// ahead reads bundles that lie side by side, some of them at the same time.
func ahead[T any](ctx context.Context, size, from uint64, read func(context.Context, uint64) ([]T, error), take func([]T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		list []T
		err  error
	}
	coming := make(chan chan answer, readAhead)
	go func() {
		defer close(coming)
		for at := from; at < size; at = (at/tiles.Width + 1) * tiles.Width {
			slot := make(chan answer, 1)
			select {
			case coming <- slot:
				go func() {
					list, err := read(ctx, at)
					slot <- answer{list, err}
				}()
			case <-ctx.Done():
				return
			}
		}
	}()
	for slot := range coming {
		a := <-slot
		want := min(size-from, tiles.Width-from%tiles.Width)
		if a.err == nil && uint64(len(a.list)) != want {
			a.err = fmt.Errorf("%d came of the %d leaves from %d on", len(a.list), want, from)
		}
		if a.err != nil {
			return a.err
		}
		if err := take(a.list); err != nil {
			return err
		}
		from += want
	}
	return ctx.Err()
}
