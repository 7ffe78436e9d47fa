// Package mirror copies a ledger that is served elsewhere into a directory that can be
// audited and served again.
//
// The copy has the tree in the layout of https://c2sp.org/tlog-tiles, the anchors, the
// cosigned checkpoints, and the bodies that a mandate shows. Nothing is kept that does
// not lead to a checkpoint signed by the log. An interrupted copy continues, and is
// checked again on request.
//
// The copy has the tree in the layout of https://c2sp.org/tlog-tiles, the anchors, the
// cosigned checkpoints, and the bodies that a mandate shows. Nothing is kept that does
// not lead to a checkpoint signed by the log. An interrupted copy continues, and is
// checked again on request.
//
// The copy has the tree in the layout of https://c2sp.org/tlog-tiles, the anchors, the
// cosigned checkpoints, and the bodies that a mandate shows. Nothing is kept that does
// not lead to a checkpoint signed by the log. An interrupted copy continues, and is
// checked again on request.
//
// The copy has the tree in the layout of https://c2sp.org/tlog-tiles, the anchors, the
// cosigned checkpoints, and the bodies that a mandate shows. Nothing is kept that does
// not lead to a checkpoint signed by the log. An interrupted copy continues, and is
// checked again on request.
//
// The copy has the tree in the layout of https://c2sp.org/tlog-tiles, the anchors, the
// cosigned checkpoints, and the bodies that a mandate shows. Nothing is kept that does
// not lead to a checkpoint signed by the log. An interrupted copy continues, and is
// checked again on request.
//
// The copy has the tree in the layout of https://c2sp.org/tlog-tiles, the anchors, the
// cosigned checkpoints, and the bodies that a mandate shows. Nothing is kept that does
// not lead to a checkpoint signed by the log. An interrupted copy continues, and is
// checked again on request.
//
// Not here: the judgement of what was copied, which is in ledger/audit.
package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// A copy's directory:
//
//	mirror.json          whose copy it is, and by whose mandate
//	tree/checkpoint      the checkpoint up to which all of the rest is there
//	tree/tile/…          hash tiles and entry bundles
//	bodies/…             the bodies of a bundle, as /bodies has them: docs/formats.md
//	anchors/, timestamps/, cosigned/  as a ledger's own directory has them
const (
	aboutFile  = "mirror.json"
	lockFile   = "lock"
	treeDir    = "tree"
	bodiesDir  = "bodies"
	anchorsDir = "anchors"
	// timestampsDir is what RFC 3161 authorities signed.
	timestampsDir = "timestamps"
	cosignedDir   = "cosigned"
	checkpoint    = "checkpoint"

	maxAbout      = 64 << 10
	maxCheckpoint = 64 << 10
)

// ErrNoCopy says that a directory holds no copy of a ledger.
var ErrNoCopy = errors.New("it holds no copy of a ledger")

// about says whose copy a directory is.
type about struct {
	V      int    `json:"v"`
	Origin string `json:"origin"`
	Key    string `json:"key"`
	// As is the reader by whose mandate bodies were fetched; empty without.
	As string `json:"as"`
}

// Copy is a copy of a ledger on this machine. It is safe for concurrent reading; one
// process at a time adds to it, by [Copy.Fetch].
type Copy struct {
	dir   string
	log   *formats.Log
	about about
	lock  *durable.Held
	head  *tiles.Head
	at    *formats.Checkpoint // nil before the first
}

// Is tells whether a directory holds a copy.
func Is(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, aboutFile))
	return err == nil
}

// Open opens a copy for reading. The error wraps [ErrNoCopy] if there is none.
func Open(dir string, log *formats.Log) (*Copy, error) {
	c := &Copy{dir: dir, log: log}
	b, err := readFile(filepath.Join(dir, aboutFile), maxAbout)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoCopy)
	}
	if err == nil {
		err = json.Unmarshal(b, &c.about)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("open the copy in %s: %w", dir, err)
	case c.about.V != 1:
		return nil, fmt.Errorf("open the copy in %s: version %d: this program knows 1", dir, c.about.V)
	case c.about.Origin != log.Origin() || c.about.Key != log.Key():
		return nil, fmt.Errorf("the copy in %s is one of the ledger %.200q with the key %.200q: want %s", dir, c.about.Origin, c.about.Key, log.Key())
	}
	c.head = tiles.NewHead(tiles.New(c))
	note, err := readFile(c.path(treeDir, checkpoint), maxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		c.at, err = log.OpenCheckpoint(note)
	}
	if err != nil {
		return nil, fmt.Errorf("open the copy in %s: %w", dir, err)
	}
	return c, nil
}

// OpenAny is [Open] of whichever ledger's copy it is: of which, only the copy says.
func OpenAny(dir string) (*Copy, error) {
	b, err := readFile(filepath.Join(dir, aboutFile), maxAbout)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoCopy)
	}
	var a about
	if err == nil {
		err = json.Unmarshal(b, &a)
	}
	var log *formats.Log
	if err == nil {
		log, err = formats.NewLog(a.Key)
	}
	if err != nil {
		return nil, fmt.Errorf("open the copy in %s: %w", dir, err)
	}
	return Open(dir, log)
}

// Create opens a copy to add to it, and makes it if need be. Its bodies are those that
// the mandate of as shows, a reader's name; empty without one.
func Create(dir string, log *formats.Log, as string) (*Copy, error) {
	if err := durable.MkdirAll(filepath.Join(dir, treeDir), 0o755); err != nil {
		return nil, fmt.Errorf("make a copy: %w", err)
	}
	if !Is(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("make a copy: %w", err)
		}
		for _, e := range entries {
			if name := e.Name(); name != treeDir && name != lockFile && name[0] != '.' {
				return nil, fmt.Errorf("make a copy in %s: it holds something else, %s", dir, name)
			}
		}
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	if !Is(dir) {
		err = writeAbout(dir, about{V: 1, Origin: log.Origin(), Key: log.Key(), As: as})
	}
	var c *Copy
	if err == nil {
		c, err = Open(dir, log)
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	c.lock = lock
	return c, nil
}

func writeAbout(dir string, a about) error {
	b, err := json.MarshalIndent(a, "", "  ")
	if err == nil {
		err = writeFile(filepath.Join(dir, aboutFile), append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("make a copy: %w", err)
	}
	return nil
}

// Close releases the copy.
func (c *Copy) Close() error {
	if c.lock == nil {
		return nil
	}
	return c.lock.Close()
}

// Checkpoint returns the one up to which all is there, or nil.
func (c *Copy) Checkpoint() *formats.Checkpoint { return c.at }

// TreeDir is what [http.Handler] serves, and Dir what has anchors and cosigned.
func (c *Copy) TreeDir() string { return c.path(treeDir) }

// Dir is the copy's directory.
func (c *Copy) Dir() string { return c.dir }

func (c *Copy) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

// tilePath is where a tile lies; level -1 is an entry bundle.
func (c *Copy) tilePath(level int, index uint64, width int) string {
	return c.path(treeDir, filepath.FromSlash(torchwood.TilePath(tlog.Tile{H: tiles.Height, L: level, N: int64(index), W: width})))
}

// bodiesPath is where the bodies of a bundle lie.
func (c *Copy) bodiesPath(index uint64, width int) string {
	const entries = "tile/entries/"
	path := torchwood.TilePath(tlog.Tile{H: tiles.Height, L: -1, N: int64(index), W: width})
	return c.path(bodiesDir, filepath.FromSlash(path[len(entries):]))
}

// ReadTile returns a hash tile, p wide or 256 if p is 0. It isn't verified.
func (c *Copy) ReadTile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	if level > 63 {
		return nil, fs.ErrNotExist
	}
	b, err := c.wide(int(level), index, width(p), tiles.Width*tlog.HashSize)
	if n := width(p) * tlog.HashSize; err == nil && len(b) > n {
		b = b[:n]
	}
	return b, err
}

// ReadEntryBundle returns an entry bundle, p wide or 256 if p is 0. It isn't verified.
func (c *Copy) ReadEntryBundle(_ context.Context, index uint64, p uint8) ([]byte, error) {
	return c.wide(-1, index, width(p), maxBundle)
}

// wide reads a tile, or the full one that has taken its place.
func (c *Copy) wide(level int, index uint64, width int, most int64) ([]byte, error) {
	b, err := readFile(c.tilePath(level, index, width), most)
	if width < tiles.Width && errors.Is(err, fs.ErrNotExist) {
		b, err = readFile(c.tilePath(level, index, tiles.Width), most)
	}
	return b, err
}

func width(p uint8) int {
	if p == 0 {
		return tiles.Width
	}
	return int(p)
}

// bundleWidth is how many leaves a bundle has in a tree of size leaves.
func bundleWidth(index, size uint64) int {
	return int(min(size-index*tiles.Width, tiles.Width))
}

// Entries returns the leaves from index from on up to the end of their bundle.
func (c *Copy) Entries(ctx context.Context, from uint64) ([][]byte, error) {
	if c.at == nil || from >= c.at.Size {
		return nil, fmt.Errorf("leaf %d: the copy doesn't have it", from)
	}
	index := from / tiles.Width
	w := bundleWidth(index, c.at.Size)
	b, err := c.ReadEntryBundle(ctx, index, uint8(w%tiles.Width))
	if err != nil {
		return nil, fmt.Errorf("read leaves from %d: %w", from, err)
	}
	entries, err := parseBundle(b, w)
	if err != nil {
		return nil, fmt.Errorf("read leaves from %d: %w", from, err)
	}
	return entries[from%tiles.Width:], nil
}

// Bodies returns the bodies of leaves from index from on, n of them, all in one bundle.
// One that was withheld is nil.
func (c *Copy) Bodies(_ context.Context, from uint64, n int) ([][]byte, error) {
	index := from / tiles.Width
	w := bundleWidth(index, c.at.Size)
	b, err := readFile(c.bodiesPath(index, w), maxBodies)
	if err != nil {
		return nil, fmt.Errorf("read bodies from %d: %w", from, err)
	}
	bodies, err := parseBodies(b, w)
	if err != nil {
		return nil, fmt.Errorf("read bodies from %d: %w", from, err)
	}
	first := int(from % tiles.Width)
	if first+n > len(bodies) {
		return nil, fmt.Errorf("read bodies from %d: want %d, all of one bundle", from, n)
	}
	return bodies[first : first+n], nil
}

// lockDir takes the lock on a copy's directory, see [durable.TryLock].
func lockDir(dir string) (*durable.Held, error) {
	held, err := durable.TryLock(filepath.Join(dir, lockFile))
	switch {
	case errors.Is(err, durable.ErrLocked):
		return nil, fmt.Errorf("lock the copy in %s: another process is adding to it", dir)
	case err != nil:
		return nil, fmt.Errorf("open the copy in %s: %w", dir, err)
	}
	return held, nil
}
