package tiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// forest is a tree in memory: all its stored hashes.
type forest struct {
	hashes []tlog.Hash
	size   int64
	reads  int
	// corrupt changes a tile before it is handed out.
	corrupt func(level, index uint64, tile []byte)
}

func (f *forest) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x >= int64(len(f.hashes)) {
			return nil, fmt.Errorf("hash %d: %w", x, fs.ErrNotExist)
		}
		out[i] = f.hashes[x]
	}
	return out, nil
}

func leafOf(n int64) []byte { return fmt.Appendf(nil, "leaf %d", n) }

func (f *forest) grow(t testing.TB, size int64) *formats.Checkpoint {
	t.Helper()
	for ; f.size < size; f.size++ {
		more, err := tlog.StoredHashes(f.size, leafOf(f.size), f)
		if err != nil {
			t.Fatal(err)
		}
		f.hashes = append(f.hashes, more...)
	}
	root, err := tlog.TreeHash(size, f)
	if err != nil {
		t.Fatal(err)
	}
	return &formats.Checkpoint{Origin: "test", Size: uint64(size), Root: root}
}

// ReadTile gives full tiles only where there are some, as a log may.
func (f *forest) ReadTile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	f.reads++
	width := int(p)
	if width == 0 || (int64(index)+1)<<(8*(level+1)) <= f.size {
		width = Width
	}
	tile, err := tlog.ReadTileData(tlog.Tile{H: Height, L: int(level), N: int64(index), W: width}, f)
	if err == nil && f.corrupt != nil {
		f.corrupt(level, index, tile)
	}
	return tile, err
}

// Sizes around the edges of tiles of all levels that memory allows.
var sizes = []int64{1, 2, 255, 256, 257, 511, 512, 65535, 65536, 65537, 65792, 65793, 66000}

func TestProofs(t *testing.T) {
	f := &forest{}
	head := NewHead(New(f))
	var seen []*formats.Checkpoint
	for _, size := range sizes {
		c := f.grow(t, size)
		if _, err := head.Advance(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		seen = append(seen, c)
		fresh := NewHead(New(f))
		if _, err := fresh.Root(t.Context(), 1); err == nil {
			t.Error("a root of nothing that was seen")
		}
		for _, h := range []*Head{head, fresh} {
			for _, older := range seen {
				if err := h.Covers(t.Context(), older); err != nil {
					t.Fatal(err)
				}
				if root, err := h.Root(t.Context(), older.Size); err != nil || root != older.Root {
					t.Fatalf("root of %d, in a tree of %d: %v, %v", older.Size, size, root, err)
				}
				for _, index := range []uint64{0, older.Size / 2, older.Size - 1} {
					proof, err := h.Prove(t.Context(), older, index)
					if err != nil {
						t.Fatalf("leaf %d of %d, in a tree of %d: %v", index, older.Size, size, err)
					}
					leaf := leafOf(int64(index))
					if err := tlog.CheckRecord(proof, int64(older.Size), older.Root, int64(index), tlog.RecordHash(leaf)); err != nil {
						t.Fatalf("leaf %d of %d, in a tree of %d: %v", index, older.Size, size, err)
					}
					if err := h.Leaves(t.Context(), older, index, [][]byte{leaf}); err != nil {
						t.Fatal(err)
					}
					if h.Leaves(t.Context(), older, index, [][]byte{leafOf(int64(index) + 1)}) == nil {
						t.Fatalf("another leaf passes for leaf %d", index)
					}
				}
				if _, err := h.Prove(t.Context(), older, older.Size); err == nil {
					t.Error("a leaf beyond the tree is proven")
				}
			}
			if err := h.Leaves(t.Context(), c, c.Size-1, [][]byte{leafOf(size - 1), leafOf(size)}); err == nil {
				t.Error("a leaf beyond the tree is proven")
			}
		}
	}
}

func TestForks(t *testing.T) {
	f := &forest{}
	head := NewHead(New(f))
	c := f.grow(t, 700)
	if _, err := head.Advance(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	// Each fork is taken alone: what is proven of one must not vouch for another.
	for _, size := range []uint64{1, 256, 300, 699, 700} {
		wrong := &formats.Checkpoint{Origin: "test", Size: size, Root: tlog.Hash{byte(size)}}
		for range 2 {
			if err := head.Covers(t.Context(), wrong); !errors.Is(err, ErrForked) {
				t.Errorf("another root of %d leaves: %v", size, err)
			}
		}
	}
	// A whole second history, whose tiles agree with its own roots.
	second := &forest{hashes: []tlog.Hash{{1}}, size: 1}
	bad := second.grow(t, 800)
	head.cache = New(second)
	if _, err := head.Advance(t.Context(), bad); !errors.Is(err, ErrForked) {
		t.Errorf("a second history: %v", err)
	}
	head.cache = New(f)
	if n := head.Newest(); n != c {
		t.Errorf("the newest is %v now", n)
	}
	if _, err := head.Advance(t.Context(), f.grow(t, 900)); err != nil {
		t.Error(err)
	}
	if _, err := head.Advance(t.Context(), c); !errors.Is(err, ErrWentBack) {
		t.Errorf("an older one: %v", err)
	}
}

// Any tile that is changed is noticed, and never kept.
func TestChangedTiles(t *testing.T) {
	f := &forest{}
	c := f.grow(t, 66000)
	head := NewHead(New(f))
	for _, at := range []struct{ level, index uint64 }{{0, 0}, {0, 200}, {0, 257}, {1, 0}, {1, 1}, {2, 0}} {
		f.corrupt = func(level, index uint64, tile []byte) {
			if level == at.level && index == at.index {
				tile[len(tile)/2] ^= 1
			}
		}
		index := at.index<<(8*(at.level+1)) + 3
		if err := head.Leaves(t.Context(), c, index, [][]byte{leafOf(int64(index))}); err == nil {
			t.Errorf("tile %d of level %d was changed, unnoticed", at.index, at.level)
		}
		f.corrupt = nil
		if err := head.Leaves(t.Context(), c, index, [][]byte{leafOf(int64(index))}); err != nil {
			t.Errorf("tile %d of level %d, put right: %v", at.index, at.level, err)
		}
		head = NewHead(New(f))
	}
}

// Leaves that fill a tile need none of their own, and are proven all the same.
func TestFullTiles(t *testing.T) {
	f := &forest{}
	c := f.grow(t, 1100)
	for at := range 4 {
		head := NewHead(New(f))
		var entries [][]byte
		for n := range int64(256) {
			entries = append(entries, leafOf(int64(at)*256+n))
		}
		f.reads = 0
		if err := head.Leaves(t.Context(), c, uint64(at)*256, entries); err != nil {
			t.Fatal(err)
		}
		if f.reads != 2 { // the right edge
			t.Errorf("leaves from %d: %d tiles were read", at*256, f.reads)
		}
		head = NewHead(New(f))
		entries[100+at] = []byte("other")
		err := head.Leaves(t.Context(), c, uint64(at)*256, entries)
		if want := fmt.Sprintf("leaf %d is not", at*256+100+at); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("another leaf: %v", err)
		}
		for n, x := range head.cache.byID {
			proven, err := f.ReadTile(t.Context(), uint64(n.L), uint64(n.N), uint8(n.W%256))
			if err != nil || !bytes.Equal(proven[:n.W*tlog.HashSize], x.Value.(*keptTile).data) {
				t.Errorf("tile %v is kept, and not the tree's: %v", n, err)
			}
		}
	}
}

func TestCacheBounded(t *testing.T) {
	f := &forest{}
	c := f.grow(t, 66000)
	cache := New(f)
	head := NewHead(cache)
	for range 2 {
		for index := uint64(0); index < c.Size; index += 256 {
			if err := head.Leaves(t.Context(), c, index, [][]byte{leafOf(int64(index))}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if f.reads > 300 {
		t.Errorf("%d tiles were read, of 260", f.reads)
	}
	for n := range 3 * cached {
		cache.mu.Lock()
		cache.keep(tlog.Tile{H: Height, N: int64(n) + 1e6, W: 1}, nil)
		cache.mu.Unlock()
	}
	if cache.order.Len() > cached || len(cache.byID) > cached {
		t.Errorf("%d tiles are kept: want %d at most", cache.order.Len(), cached)
	}
}
