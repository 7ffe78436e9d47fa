package projections

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// ErrOtherLedger is wrapped by the error of showing views leaves that don't follow
// on those they have seen: the ledger is another one, or was rolled back.
var ErrOtherLedger = errors.New("the views were made from another ledger, or from one that was rolled back since")

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// Hint says what to do.
func (e hinted) Hint() string { return e.hint }

func otherLedger(format string, args ...any) error {
	return hinted{fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrOtherLedger),
		"if the ledger is the right one, saksi rebuild makes the views again from it"}
}

// checkChain returns an error that wraps [ErrOtherLedger] unless the tree under the
// checkpoint begins with the leaves that the position is of.
func checkChain(ctx context.Context, reader ledger.Reader, checkpoint *formats.Checkpoint, p Position) error {
	if checkpoint.Size < p.Size {
		return otherLedger("the ledger has %d leaves, the views have seen %d", checkpoint.Size, p.Size)
	}
	if p.Size == 0 {
		return nil
	}
	root := checkpoint.Root
	if checkpoint.Size > p.Size {
		tiles := tlog.TileHashReader(checkpoint.Tree(), &tileReader{ctx, reader})
		var err error
		if root, err = tlog.TreeHash(int64(p.Size), tiles); err != nil {
			return fmt.Errorf("compare the views with the ledger at %d leaves: %w", p.Size, err)
		}
	}
	if root != p.Root {
		return otherLedger("the tree of %d leaves has the root %s in the ledger, %s in the views", p.Size, root, p.Root)
	}
	return nil
}

// tileReader lets tlog read a ledger's tiles, which it verifies itself.
type tileReader struct {
	ctx    context.Context
	reader ledger.Reader
}

const tileHeight = 8

func (t *tileReader) Height() int { return tileHeight }

func (t *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		want := tile.W * tlog.HashSize
		p := uint8(tile.W) // 0 for a whole one
		b, err := t.reader.ReadTile(t.ctx, uint64(tile.L), uint64(tile.N), p)
		if err != nil && p != 0 { // partial tiles go when the whole one is there
			b, err = t.reader.ReadTile(t.ctx, uint64(tile.L), uint64(tile.N), 0)
		}
		if err != nil {
			return nil, err
		}
		if len(b) < want {
			return nil, fmt.Errorf("tile %s has %d bytes: want %d", tile.Path(), len(b), want)
		}
		data[i] = b[:want]
	}
	return data, nil
}

func (t *tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
