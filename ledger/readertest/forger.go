package readertest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Forger is a log in memory whose key signs whatever its leaves are: what a ledger's
// owner can do. It serves checkpoint and tiles (https://c2sp.org/tlog-tiles). Its
// leaves must not change while it serves.
type Forger struct {
	t      testing.TB
	key    note.Signer
	Leaves [][]byte

	mu     sync.Mutex
	size   uint64 // that the checkpoint shows
	hashes []tlog.Hash
	hashed int
}

// NewForger returns a Forger of leaves, all of which it shows.
func NewForger(t testing.TB, key note.Signer, leaves [][]byte) *Forger {
	return &Forger{t: t, key: key, Leaves: slices.Clone(leaves), size: uint64(len(leaves))}
}

// Forger returns a Forger of the first size leaves of the world's ledger, which has
// published as many.
func (w *World) Forger(size uint64) *Forger {
	w.t.Helper()
	return NewForger(w.t, w.LogKey, Leaves(w.t, w.Dir, w.Log, size))
}

// Leaves returns the first size leaves of the ledger in dir, which has published as many.
func Leaves(t testing.TB, dir string, log *formats.Log, size uint64) [][]byte {
	t.Helper()
	d, err := archive.OpenDirectory(dir, log)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	checkpoint, err := d.Wait(t.Context(), size-1)
	if err != nil {
		t.Fatal(err)
	}
	var leaves [][]byte
	for uint64(len(leaves)) < size {
		entries, err := d.Leaves(t.Context(), checkpoint, uint64(len(leaves)))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			leaves = append(leaves, e.Raw)
		}
	}
	return leaves[:size]
}

// Fork returns a copy of the first size leaves, which are others from index from on.
// What is added beyond those that there were is made up.
func (f *Forger) Fork(from, size uint64) *Forger {
	f.t.Helper()
	leaves := make([][]byte, size)
	for i := range leaves {
		leaf := f.Leaves[min(i, len(f.Leaves)-1)]
		if i >= len(f.Leaves) { // in the order of the stream
			leaf = bytes.Replace(leaf, []byte(`"seq":`), fmt.Appendf(nil, `"seq":%d`, 1+i), 1)
		}
		if uint64(i) >= from { // with another digest
			at := bytes.LastIndex(leaf, []byte("sha256:")) + len("sha256:")
			leaf = slices.Clone(leaf)
			copy(leaf[at:], strings.Repeat("f", 8))
		}
		leaves[i] = leaf
	}
	return NewForger(f.t, f.key, leaves)
}

// Show has the checkpoint show so many leaves.
func (f *Forger) Show(size uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size = size
}

// ReadHashes implements tlog.HashReader.
func (f *Forger) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(f.hashes)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		found[i] = f.hashes[index]
	}
	return found, nil
}

// hash makes the hashes of all leaves. The caller has the lock.
func (f *Forger) hash() {
	for ; f.hashed < len(f.Leaves); f.hashed++ {
		more, err := tlog.StoredHashes(int64(f.hashed), f.Leaves[f.hashed], f)
		if err != nil {
			f.t.Error(err)
			return
		}
		f.hashes = append(f.hashes, more...)
	}
}

// Root returns that of the first size leaves.
func (f *Forger) Root(size uint64) tlog.Hash {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hash()
	root, err := tlog.TreeHash(int64(size), f)
	if err != nil {
		f.t.Error(err)
	}
	return root
}

// Prove returns the consistency proof between the trees of older and newer leaves.
func (f *Forger) Prove(older, newer uint64) tlog.TreeProof {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hash()
	proof, err := tlog.ProveTree(int64(newer), int64(older), f)
	if err != nil {
		f.t.Error(err)
	}
	return proof
}

// Sign signs the tree of the first size leaves.
func (f *Forger) Sign(size uint64) []byte {
	f.t.Helper()
	text := fmt.Sprintf("%s\n%d\n%s\n", f.key.Name(), size, f.Root(size))
	signed, err := note.Sign(&note.Note{Text: text}, f.key)
	if err != nil {
		f.t.Error(err)
	}
	return signed
}

// ServeHTTP serves GET /checkpoint and /tile/.
func (f *Forger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	size := f.size
	f.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/")
	if path == "checkpoint" {
		w.Write(f.Sign(size))
		return
	}
	tile, err := torchwood.ParseTilePath(path)
	width := uint64(0)
	if err == nil && tile.L <= 7 {
		level := max(0, tile.L)
		width = min(256, max(uint64(tile.N)<<8, size>>(8*level))-uint64(tile.N)<<8)
	}
	if err != nil || width == 0 || uint64(tile.W) > width {
		http.NotFound(w, r)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hash()
	if tile.L < 0 {
		for _, leaf := range f.Leaves[tile.N<<8 : tile.N<<8+int64(tile.W)] {
			w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(leaf))), leaf...))
		}
		return
	}
	data, err := tlog.ReadTileData(tile, f)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Write(data)
}
