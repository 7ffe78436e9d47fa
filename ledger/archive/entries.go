package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"filippo.io/torchwood"

	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// ReadEntries returns the leaves from index from up to the end of their bundle, or of a
// tree with size leaves (https://c2sp.org/tlog-tiles, Log Entries).
func ReadEntries(ctx context.Context, r bundleReader, from, size uint64) ([][]byte, error) {
	if from >= size {
		return nil, fmt.Errorf("leaf %d: the tree has %d", from, size)
	}
	index := from / tiles.Width
	first := index * tiles.Width
	width := min(size-first, tiles.Width)
	data, err := r.ReadEntryBundle(ctx, index, uint8(width%tiles.Width))
	if errors.Is(err, os.ErrNotExist) {
		data, err = r.ReadEntryBundle(ctx, index, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("read leaves from %d: %w", from, err)
	}
	leaves := make([][]byte, 0, first+width-from)
	for at := first; at < first+width; at++ {
		var entry []byte
		if entry, data, err = torchwood.ReadTileEntry(data); err != nil {
			return nil, fmt.Errorf("read leaves from %d: leaf %d: %w", from, at, err)
		}
		if at >= from {
			leaves = append(leaves, bytes.Clone(entry))
		}
	}
	return leaves, nil
}

// bundleReader reads an entry bundle, p wide or 256 if p is 0.
type bundleReader interface {
	ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error)
}
