package tiles

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// ErrForked is wrapped where a log has signed two checkpoints of which neither
// continues the other. It is proof of misconduct, or of a restored backup.
var ErrForked = errors.New("the log has signed two histories")

// ErrWentBack is wrapped where a checkpoint is older than one seen before.
var ErrWentBack = errors.New("the checkpoint is older than one seen before")

// rememberedSizes bounds the older checkpoints that needn't be proven again.
const rememberedSizes = 256

// Head is the newest checkpoint that was seen of a log. It moves forward only, to
// checkpoints that are proven to continue it. It is safe for concurrent use; the
// checkpoints that it is given have their signature verified.
type Head struct {
	cache *Cache

	mu     sync.Mutex
	newest *formats.Checkpoint
	proven map[uint64]tlog.Hash // roots of smaller trees that newest continues
}

// NewHead returns a Head that has seen nothing yet.
func NewHead(cache *Cache) *Head {
	return &Head{cache: cache, proven: map[uint64]tlog.Hash{}}
}

// Newest returns the newest checkpoint seen, or nil.
func (h *Head) Newest() *formats.Checkpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.newest
}

// Advance takes a checkpoint that the log shows as its newest, and returns the
// newest. An error wraps [ErrForked] or [ErrWentBack], or is that of reading tiles.
func (h *Head) Advance(ctx context.Context, c *formats.Checkpoint) (*formats.Checkpoint, error) {
	if err := h.Covers(ctx, c); err != nil {
		return nil, err
	}
	if newest := h.Newest(); c.Size < newest.Size {
		return nil, fmt.Errorf("checkpoint of %s: it has %d leaves, and one of %d was seen: %w", c.Origin, c.Size, newest.Size, ErrWentBack)
	}
	return c, nil
}

// Covers returns nil if c stands in one line with all checkpoints seen before. A
// larger one becomes the newest.
func (h *Head) Covers(ctx context.Context, c *formats.Checkpoint) error {
	if c.Size > maxSize {
		return fmt.Errorf("checkpoint of %s: a tree of %d leaves is not believed", c.Origin, c.Size)
	}
	for {
		newest, known := h.known(c)
		if known {
			return nil
		}
		older, newer := newest, c
		if c.Size < newest.Size {
			older, newer = c, newest
		}
		if err := h.continues(ctx, older, newer); err != nil {
			return fmt.Errorf("checkpoint of %s with %d leaves, after one with %d: %w", c.Origin, c.Size, newest.Size, err)
		}
		if h.learn(newest, older, newer) {
			return nil
		}
	}
}

// known tells whether c needs no proof: it was seen, or is the first.
func (h *Head) known(c *formats.Checkpoint) (newest *formats.Checkpoint, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.newest == nil {
		h.newest = c
	}
	if c.Size == h.newest.Size && c.Root == h.newest.Root {
		return h.newest, true
	}
	root, ok := h.proven[c.Size]
	return h.newest, ok && root == c.Root
}

// learn keeps what was proven, unless another goroutine moved the newest.
func (h *Head) learn(newest, older, newer *formats.Checkpoint) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.newest != newest {
		return false
	}
	if len(h.proven) >= rememberedSizes {
		clear(h.proven)
	}
	h.proven[older.Size] = older.Root
	h.newest = newer
	return true
}

// continues proves that newer's tree begins with older's. The hashes lead to
// newer's root, so that another root for older's size is older's own doing.
func (h *Head) continues(ctx context.Context, older, newer *formats.Checkpoint) error {
	root := older.Root
	switch {
	case older.Size == newer.Size:
		root = newer.Root
	case older.Size > 0:
		var err error
		if root, err = tlog.TreeHash(int64(older.Size), h.cache.Tree(ctx, newer.Tree())); err != nil {
			return err
		}
	}
	if root != older.Root {
		return ErrForked
	}
	return nil
}

// Leaves proves that entries are those from index from on, under checkpoint c.
func (h *Head) Leaves(ctx context.Context, c *formats.Checkpoint, from uint64, entries [][]byte) error {
	if n := uint64(len(entries)); from >= c.Size || n > c.Size-from {
		return fmt.Errorf("leaves from %d, %d of them: the checkpoint has %d", from, n, c.Size)
	}
	if err := h.Covers(ctx, c); err != nil {
		return err
	}
	tree := h.Newest().Tree()
	indexes, have := make([]int64, len(entries)), make([]tlog.Hash, len(entries))
	for i := range entries {
		indexes[i], have[i] = tlog.StoredHashIndex(0, int64(from)+int64(i)), tlog.RecordHash(entries[i])
	}
	given := fullTile(from, have)
	want, err := h.cache.tree(ctx, tree, given).ReadHashes(indexes)
	if err != nil && given != nil { // the tile itself says which leaf it is
		want, err = h.cache.Tree(ctx, tree).ReadHashes(indexes)
	}
	if err != nil {
		return fmt.Errorf("prove leaves from %d: %w", from, err)
	}
	for i := range entries {
		if have[i] != want[i] {
			return fmt.Errorf("leaf %d is not the one that stands in the tree of %d leaves", from+uint64(i), c.Size)
		}
	}
	return nil
}

// fullTile makes the hash tile of leaves that fill one, which then needn't be read:
// that it is right follows from the tile above it.
func fullTile(from uint64, leaves []tlog.Hash) map[tlog.Tile][]byte {
	if from%Width != 0 || len(leaves) != Width {
		return nil
	}
	data := make([]byte, 0, Width*tlog.HashSize)
	for _, h := range leaves {
		data = append(data, h[:]...)
	}
	return map[tlog.Tile][]byte{{H: Height, L: 0, N: int64(from / Width), W: Width}: data}
}

// Prove returns the inclusion proof of a leaf under checkpoint c.
func (h *Head) Prove(ctx context.Context, c *formats.Checkpoint, index uint64) (tlog.RecordProof, error) {
	if index >= c.Size {
		return nil, fmt.Errorf("prove leaf %d: the checkpoint has %d leaves", index, c.Size)
	}
	hashes, err := h.hashes(ctx, c)
	if err != nil {
		return nil, err
	}
	proof, err := tlog.ProveRecord(int64(c.Size), int64(index), hashes)
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d in the tree of %d leaves: %w", index, c.Size, err)
	}
	return proof, nil
}

// Root returns the root of the tree of the first size leaves, which the newest
// checkpoint seen covers.
func (h *Head) Root(ctx context.Context, size uint64) (tlog.Hash, error) {
	newest := h.Newest()
	switch {
	case newest == nil || size > newest.Size:
		return tlog.Hash{}, fmt.Errorf("root of %d leaves: no checkpoint that covers them was seen", size)
	case size == newest.Size:
		return newest.Root, nil
	case size == 0:
		return tlog.TreeHash(0, nil)
	}
	root, err := tlog.TreeHash(int64(size), h.cache.Tree(ctx, newest.Tree()))
	if err != nil {
		return root, fmt.Errorf("root of %d leaves, in the tree of %d: %w", size, newest.Size, err)
	}
	return root, nil
}

// hashes reads c's tree through the newest one, whose partial tiles are the ones
// that a log surely still has.
func (h *Head) hashes(ctx context.Context, c *formats.Checkpoint) (tlog.HashReader, error) {
	if err := h.Covers(ctx, c); err != nil {
		return nil, err
	}
	return h.cache.Tree(ctx, h.Newest().Tree()), nil
}
