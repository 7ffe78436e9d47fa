package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// Archive is a ledger's directory opened for reading, up to one checkpoint. The
// ledger may be written to at the same time. It is safe for concurrent use.
type Archive struct {
	files  treeFiles
	bodies *Bodies
	size   uint64
}

// OpenArchive opens the first size leaves of a ledger's directory. The caller has
// size from a checkpoint that it has verified; see [ReadCheckpoint].
func OpenArchive(dir string, size uint64) (*Archive, error) {
	bodies, err := OpenBodies(filepath.Join(dir, BodiesDir), size, true)
	if err != nil {
		return nil, err
	}
	return &Archive{files: treeFiles{filepath.Join(dir, TreeDir)}, bodies: bodies, size: size}, nil
}

// ReadCheckpoint reads the published checkpoint of a ledger's directory, which is
// not verified.
func ReadCheckpoint(dir string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, TreeDir, "checkpoint"))
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint of the ledger in %s: %w", dir, err)
	}
	return b, nil
}

// Entries returns the leaves from from up to the end of their bundle: at most 256.
func (a *Archive) Entries(ctx context.Context, from uint64) ([][]byte, error) {
	return ReadEntries(ctx, a.files, from, a.size)
}

// ReadTile returns a hash tile, p wide or 256 if p is 0.
func (a *Archive) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	return a.files.ReadTile(ctx, level, index, p)
}

// ReadEntryBundle returns an entry bundle, p wide or 256 if p is 0.
func (a *Archive) ReadEntryBundle(ctx context.Context, index uint64, p uint8) ([]byte, error) {
	return a.files.ReadEntryBundle(ctx, index, p)
}

// Body returns the body of a leaf.
func (a *Archive) Body(leaf uint64) ([]byte, error) { return a.bodies.Read(leaf) }

// Close closes the files.
func (a *Archive) Close() error { return a.bodies.Close() }

// treeFiles reads a tree that lies in a directory as https://c2sp.org/tlog-tiles names its files.
type treeFiles struct{ root string }

// ReadTile returns a hash tile, p wide or 256 if p is 0.
func (f treeFiles) ReadTile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	return f.read(int(level), index, p)
}

// ReadEntryBundle returns an entry bundle, p wide or 256 if p is 0.
func (f treeFiles) ReadEntryBundle(_ context.Context, index uint64, p uint8) ([]byte, error) {
	return f.read(-1, index, p)
}

func (f treeFiles) read(level int, index uint64, p uint8) ([]byte, error) {
	tile := tlog.Tile{H: tiles.Height, L: level, N: int64(index), W: int(p)}
	if p == 0 {
		tile.W = tiles.Width
	}
	return os.ReadFile(filepath.Join(f.root, filepath.FromSlash(torchwood.TilePath(tile))))
}
