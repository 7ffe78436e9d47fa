// Package tiles proves the hashes in the tiles of a log (https://c2sp.org/tlog-tiles)
// against a checkpoint.
//
// Not here: where tiles come from: disk and network are the caller's.
package tiles

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// Height is that of a tile, Width the hashes in a full one.
	Height = 8
	Width  = 1 << Height

	// cached bounds the proven tiles in memory: 8 MiB, which cover 260,000 leaves.
	cached = 1024
	// maxSize is the largest tree that is believed, in leaves. Beyond it the
	// arithmetic of stored hashes could overflow.
	maxSize = 1 << 52
)

// Source reads a hash tile, p wide or 256 if p is 0, as ledger.Reader does. A
// partial tile may be gone when its full one is there; the source then gives that.
type Source interface {
	ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error)
}

// Cache reads the tiles of one log, and keeps those that it has proven. It is safe
// for concurrent use.
type Cache struct {
	source Source

	mu    sync.Mutex
	order *list.List // of *keptTile, the most recently used first
	byID  map[tlog.Tile]*list.Element
}

type keptTile struct {
	id   tlog.Tile
	data []byte
}

// New returns a Cache of a log's tiles.
func New(source Source) *Cache {
	return &Cache{source: source, order: list.New(), byID: map[tlog.Tile]*list.Element{}}
}

// Tree returns a reader of the hashes of a tree whose root is believed. It is for
// one goroutine. All trees that one Cache reads must continue each other; [Head]
// sees to that.
func (c *Cache) Tree(ctx context.Context, tree tlog.Tree) tlog.HashReader {
	return c.tree(ctx, tree, nil)
}

// tree is [Cache.Tree] with tiles that needn't be read from the source, and are
// proven as those are.
func (c *Cache) tree(ctx context.Context, tree tlog.Tree, given map[tlog.Tile][]byte) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		if tree.N <= 0 || tree.N > maxSize {
			return nil, fmt.Errorf("hashes of a tree of %d leaves: there are none", tree.N)
		}
		return tlog.TileHashReader(tree, &reader{ctx, c, given}).ReadHashes(indexes)
	})
}

// reader is a [tlog.TileReader] for one call.
type reader struct {
	ctx   context.Context
	cache *Cache
	given map[tlog.Tile][]byte
}

func (r *reader) Height() int { return Height }

func (r *reader) ReadTiles(ids []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(ids))
	for i, id := range ids {
		if data[i] = r.cache.get(id); data[i] != nil {
			continue
		}
		if data[i] = r.given[id]; data[i] != nil {
			continue
		}
		b, err := r.cache.source.ReadTile(r.ctx, uint64(id.L), uint64(id.N), uint8(id.W%Width))
		if err != nil {
			return nil, err
		}
		if want := id.W * tlog.HashSize; len(b) < want {
			return nil, fmt.Errorf("tile %d of level %d has %d bytes: want %d", id.N, id.L, len(b), want)
		} else {
			data[i] = b[:want:want]
		}
	}
	return data, nil
}

func (r *reader) SaveTiles(ids []tlog.Tile, data [][]byte) {
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	for i, id := range ids {
		r.cache.keep(id, data[i])
	}
}

func (c *Cache) get(id tlog.Tile) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byID[id]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*keptTile).data
}

func (c *Cache) keep(id tlog.Tile, data []byte) {
	if e, ok := c.byID[id]; ok {
		c.order.MoveToFront(e)
		return
	}
	c.byID[id] = c.order.PushFront(&keptTile{id, data})
	if c.order.Len() > cached {
		delete(c.byID, c.order.Remove(c.order.Back()).(*keptTile).id)
	}
}
