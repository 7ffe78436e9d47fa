package client

import (
	"container/list"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// fetchTimeout bounds a group of fetches, the fetcher's own retries included.
	fetchTimeout = 15 * time.Second
	// fetchers is how many tiles are fetched at the same time.
	fetchers = 8
	// cachedTiles bounds the verified hash tiles in memory: 8 MiB, which cover
	// 260,000 leaves.
	cachedTiles = 1024
)

// tiles fetches a tree in the layout of https://c2sp.org/tlog-tiles. It is safe
// for concurrent use.
type tiles struct {
	fetcher *torchwood.TileFetcher

	mu    sync.Mutex
	order *list.List // of *cachedTile, most recently used first
	byID  map[tlog.Tile]*list.Element
}

type cachedTile struct {
	tile tlog.Tile
	data []byte
}

func newTiles(base string, hc *http.Client) (*tiles, error) {
	opts := []torchwood.TileFetcherOption{torchwood.WithConcurrencyLimit(fetchers), torchwood.WithUserAgent("saksi")}
	if hc != nil {
		opts = append(opts, torchwood.WithHTTPClient(hc))
	}
	f, err := torchwood.NewTileFetcher(base, opts...)
	if err != nil {
		return nil, err
	}
	return &tiles{fetcher: f, order: list.New(), byID: map[tlog.Tile]*list.Element{}}, nil
}

// checkpoint fetches the ledger's signed checkpoint.
func (t *tiles) checkpoint(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	return t.fetcher.ReadEndpoint(ctx, "checkpoint")
}

// fetch returns tiles as they are served. A partial tile may be gone when its
// full one is there: then it is cut from that (for entries: the reader stops
// after its width).
func (t *tiles) fetch(ctx context.Context, ids []tlog.Tile) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	data, err := t.fetcher.ReadTiles(ctx, ids)
	if err == nil || ctx.Err() != nil {
		return data, err
	}
	wide := make([]tlog.Tile, len(ids))
	partial := false
	for i, id := range ids {
		wide[i] = id
		wide[i].W = torchwood.TileWidth
		partial = partial || wide[i] != id
	}
	if !partial {
		return nil, err
	}
	for i, id := range ids {
		one, err := t.fetcher.ReadTiles(ctx, ids[i:i+1])
		if err != nil && wide[i] != id && ctx.Err() == nil {
			one, err = t.fetcher.ReadTiles(ctx, wide[i:i+1])
		}
		if err != nil {
			return nil, err
		}
		data[i] = one[0]
		if n := id.W * tlog.HashSize; id.L >= 0 && len(data[i]) > n {
			data[i] = data[i][:n]
		}
	}
	return data, nil
}

func (t *tiles) cached(id tlog.Tile) ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.byID[id]
	if !ok {
		return nil, false
	}
	t.order.MoveToFront(e)
	return e.Value.(*cachedTile).data, true
}

func (t *tiles) keep(id tlog.Tile, data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.byID[id]; ok {
		t.order.MoveToFront(e)
		return
	}
	t.byID[id] = t.order.PushFront(&cachedTile{id, data})
	if t.order.Len() > cachedTiles {
		last := t.order.Back()
		delete(t.byID, t.order.Remove(last).(*cachedTile).tile)
	}
}

// tree reads one tree, whose root was signed. It is a [tlog.TileReader] and a
// [tlog.HashReader], and not safe for concurrent use. Hashes that it returns are
// verified against the root.
type tree struct {
	ctx   context.Context
	tiles *tiles
	tlog.Tree
	// fresh leaves the cache alone: what it holds was verified against another
	// root.
	fresh bool
	memo  map[int64]tlog.Hash
	// leaves are level-0 tiles made from entries, which needn't be fetched then.
	// They are as unverified as a fetched tile is.
	leaves map[tlog.Tile][]byte
}

// maxMemo bounds the hashes that a tree remembers.
const maxMemo = 1 << 17

func (t *tiles) tree(ctx context.Context, of tlog.Tree) *tree {
	return &tree{ctx: ctx, tiles: t, Tree: of, memo: map[int64]tlog.Hash{}}
}

// Height implements [tlog.TileReader].
func (t *tree) Height() int { return torchwood.TileHeight }

// ReadTiles implements [tlog.TileReader].
func (t *tree) ReadTiles(ids []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(ids))
	var missing []tlog.Tile
	for i, id := range ids {
		if b, ok := t.tiles.cached(id); ok && !t.fresh {
			data[i] = b
		} else if b, ok := t.leaves[id]; ok {
			data[i] = b
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return data, nil
	}
	fetched, err := t.tiles.fetch(t.ctx, missing)
	if err != nil {
		return nil, err
	}
	for i := range data {
		if data[i] == nil {
			data[i], fetched = fetched[0], fetched[1:]
		}
	}
	return data, nil
}

// SaveTiles implements [tlog.TileReader].
func (t *tree) SaveTiles(ids []tlog.Tile, data [][]byte) {
	if t.fresh {
		return
	}
	for i, id := range ids {
		t.tiles.keep(id, data[i])
	}
}

// ReadHashes implements [tlog.HashReader]. Unlike [tlog.TileHashReader] alone it
// hashes a tile once, not once for each proof that leads through it.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	var missing []int64
	for i, x := range indexes {
		h, ok := t.memo[x]
		if !ok {
			if h, ok = t.local(x); ok {
				t.remember(x, h)
			} else {
				missing = append(missing, x)
				continue
			}
		}
		hashes[i] = h
	}
	if len(missing) == 0 {
		return hashes, nil
	}
	found, err := tlog.TileHashReader(t.Tree, t).ReadHashes(missing)
	if err != nil {
		return nil, err
	}
	for i, x := range indexes {
		if len(missing) > 0 && x == missing[0] {
			hashes[i] = found[0]
			t.remember(x, found[0])
			missing, found = missing[1:], found[1:]
		}
	}
	return hashes, nil
}

func (t *tree) remember(x int64, h tlog.Hash) {
	if len(t.memo) >= maxMemo {
		clear(t.memo)
	}
	t.memo[x] = h
}

// local finds a hash in a full tile that was verified before. The same subtree
// has the same hash in every tree that continues this one.
func (t *tree) local(x int64) (tlog.Hash, bool) {
	if t.fresh {
		return tlog.Hash{}, false
	}
	id := tlog.TileForIndex(torchwood.TileHeight, x)
	for _, w := range [...]int{torchwood.TileWidth, t.width(id)} {
		id.W = w
		if data, ok := t.tiles.cached(id); ok {
			h, err := tlog.HashFromTile(id, data, x)
			return h, err == nil
		}
	}
	return tlog.Hash{}, false
}

// width returns how wide a tile is in this tree.
func (t *tree) width(id tlog.Tile) int {
	return int(min(torchwood.TileWidth, t.N>>(id.L*id.H)-id.N*torchwood.TileWidth))
}

// entries returns the entries of bundles, in order. They are verified by
// comparing their hashes with those that ReadHashes returns.
func (t *tree) entries(bundles []int64) (map[int64][][]byte, error) {
	ids := make([]tlog.Tile, len(bundles))
	for i, n := range bundles {
		ids[i] = tlog.Tile{H: torchwood.TileHeight, L: -1, N: n, W: t.width(tlog.Tile{H: torchwood.TileHeight, N: n})}
	}
	data, err := t.tiles.fetch(t.ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make(map[int64][][]byte, len(ids))
	t.leaves = make(map[tlog.Tile][]byte, len(ids))
	for i, id := range ids {
		rest := data[i]
		list := make([][]byte, id.W)
		tile := make([]byte, 0, id.W*tlog.HashSize)
		for j := range list {
			if list[j], rest, err = torchwood.ReadTileEntry(rest); err != nil {
				return nil, fmt.Errorf("bundle %d of the tree of %d leaves: entry %d: %w", id.N, t.N, j, err)
			}
			h := tlog.RecordHash(list[j])
			tile = append(tile, h[:]...)
		}
		all[id.N] = list
		id.L = 0
		t.leaves[id] = tile
	}
	return all, nil
}
