package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// fetchers is how many bundles are fetched at a time. Of each some 16 MiB of bodies are
// in memory at most.
const fetchers = 8

// ErrOlder says that a ledger shows less than the copy has.
var ErrOlder = errors.New("an older view than the copy has")

// ForkError says that the ledger has signed another tree than the one that was copied.
type ForkError struct {
	Fork *verify.Fork
	// Path is where proof of it lies, for saksi verify.
	Path string
}

func (e *ForkError) Error() string {
	return "the ledger has signed two histories: what it shows does not continue what was copied"
}

// Hint says what to do.
func (e *ForkError) Hint() string {
	return "show " + e.Path + " to the authority, to witnesses and to monitors: saksi verify says what it proves"
}

// Options are for [Copy.Fetch].
type Options struct {
	// As is the name of the reader whose mandate the reader of the ledger has; empty
	// without one. With another than before, what was withheld is asked for again.
	As string
	// Recheck checks again what is there already, and fetches again what is damaged.
	Recheck bool
	// Progress, if there, is called with how many leaves are done.
	Progress func(done, total uint64)
}

// Fetched says what a fetch did.
type Fetched struct {
	Leaves  uint64 `json:"leaves"`  // that came
	Kept    uint64 `json:"kept"`    // that were there
	Bodies  uint64 `json:"bodies"`  // that came
	Damaged uint64 `json:"damaged"` // bundles that were there, did not hold, and came again
	// Anchors and Timestamps are those that came.
	Anchors    uint64 `json:"anchors"`
	Timestamps uint64 `json:"timestamps"`
}

// Fetch brings the copy up to the newest checkpoint that is served. What it stored stays
// when it ends early, and a later one goes on from there; the copy's checkpoint is
// replaced last. An error wraps [ErrOlder] or is a [ForkError] where the ledger takes
// back what was copied.
func (c *Copy) Fetch(ctx context.Context, reader *ledgerhttp.Reader, o Options) (*Fetched, error) {
	f := &fetch{Copy: c, reader: reader, options: o, done: &Fetched{}}
	f.again = o.As != c.about.As
	err := f.run(ctx)
	if err == nil && f.again {
		c.about.As = o.As
		err = writeAbout(c.dir, c.about)
	}
	if err != nil {
		return f.done, fmt.Errorf("copy the ledger %s: %w", c.log.Origin(), err)
	}
	return f.done, nil
}

type fetch struct {
	*Copy
	reader  *ledgerhttp.Reader
	options Options
	again   bool // ask for what was withheld
	to      *formats.Checkpoint
	done    *Fetched
	dirs    sync.Map      // in which there are new names, as keys
	levels  [][]tlog.Hash // of each level the hashes of the tile that isn't full, from level 1 on
}

func (f *fetch) run(ctx context.Context) error {
	note, err := f.reader.Note(ctx)
	if err != nil {
		return err
	}
	if f.to, err = f.log.OpenCheckpoint(note); err != nil {
		return err
	}
	if f.to.Size == 0 {
		return errors.New("it has no leaves yet")
	}
	if err := f.continues(ctx); err != nil {
		return err
	}
	from := uint64(0)
	if f.at != nil && !f.options.Recheck && !f.again {
		from = f.at.Size / tiles.Width
	}
	if err := f.begin(ctx, from); err != nil {
		return err
	}
	if err := f.bundles(ctx, from); err != nil {
		return err
	}
	if err := f.finish(); err != nil {
		return err
	}
	return f.others(ctx)
}

// continues holds the checkpoint that is served to the copy.
func (f *fetch) continues(ctx context.Context) error {
	at := f.at
	if at == nil {
		return nil
	}
	older, newer := at, f.to
	hashes := tiles.New(f.reader).Tree(ctx, f.to.Tree())
	if f.to.Size < at.Size {
		older, newer = f.to, at
		hashes = tiles.New(f.Copy).Tree(ctx, at.Tree())
	}
	root := newer.Root
	if older.Size < newer.Size {
		var err error
		if root, err = tlog.TreeHash(int64(older.Size), hashes); err != nil {
			return fmt.Errorf("does the tree of %d leaves continue that of %d: %w", newer.Size, older.Size, err)
		}
	}
	switch {
	case root != older.Root:
		return f.forked(older, newer, hashes)
	case f.to.Size < at.Size:
		return fmt.Errorf("it shows %d leaves, and the copy has %d: %w", f.to.Size, at.Size, ErrOlder)
	}
	return nil
}

func (f *fetch) forked(older, newer *formats.Checkpoint, hashes tlog.HashReader) error {
	fork, err := verify.ProveFork(older, newer, hashes)
	if err != nil {
		return err
	}
	e := &ForkError{Fork: fork, Path: f.path(fmt.Sprintf("fork-%020d-%020d.saksi-fork", older.Size, newer.Size))}
	if err := errors.Join(writeFile(e.Path, fork.Marshal()), durable.SyncDir(f.dir)); err != nil {
		return fmt.Errorf("keep proof of a fork: %w", err)
	}
	return e
}

// begin takes up the hashes of tiles that aren't full before bundle from.
func (f *fetch) begin(ctx context.Context, from uint64) error {
	if from == 0 {
		return nil
	}
	hashes := tiles.New(f.Copy).Tree(ctx, f.at.Tree())
	for level, n := 1, from; n > 0; level, n = level+1, n>>tiles.Height {
		var indexes []int64
		for i := n &^ (tiles.Width - 1); i < n; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(level*tiles.Height, int64(i)))
		}
		list, err := hashes.ReadHashes(indexes)
		if err != nil {
			return fmt.Errorf("read the copy's tiles: %w", err)
		}
		f.levels = append(f.levels, list)
	}
	return nil
}

// bundle is some leaves that lie in the copy.
type bundle struct {
	leaves int
	root   tlog.Hash // of a full one
	fetched, damaged,
	bodies int
}

// bundles brings all bundles from index from on, some of them at a time, and makes the
// tiles above them.
func (f *fetch) bundles(ctx context.Context, from uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		b   *bundle
		err error
	}
	coming := make(chan chan answer, fetchers-1)
	go func() {
		defer close(coming)
		for i := from; i*tiles.Width < f.to.Size; i++ {
			slot := make(chan answer, 1)
			select {
			case coming <- slot:
				go func() {
					b, err := f.bundle(ctx, i)
					slot <- answer{b, err}
				}()
			case <-ctx.Done():
				return
			}
		}
	}()
	at := from * tiles.Width
	for slot := range coming {
		a := <-slot
		if a.err != nil {
			return a.err
		}
		f.done.Leaves += uint64(a.b.fetched)
		f.done.Kept += uint64(a.b.leaves - a.b.fetched)
		f.done.Damaged += uint64(a.b.damaged)
		f.done.Bodies += uint64(a.b.bodies)
		if at += uint64(a.b.leaves); a.b.leaves == tiles.Width {
			if err := f.push(at/tiles.Width-1, 1, a.b.root); err != nil {
				return err
			}
		}
		if f.options.Progress != nil {
			f.options.Progress(at, f.to.Size)
		}
	}
	return ctx.Err()
}

// push adds the hash of a full tile, index of its level counted, to the level above it.
func (f *fetch) push(index uint64, level int, root tlog.Hash) error {
	for ; ; level++ {
		if len(f.levels) < level {
			f.levels = append(f.levels, nil)
		}
		list := append(f.levels[level-1], root)
		if len(list) < tiles.Width {
			f.levels[level-1] = list
			return nil
		}
		index >>= tiles.Height
		if err := f.write(f.tilePath(level, index, tiles.Width), marshalTile(list)); err != nil {
			return fmt.Errorf("keep a tile: %w", err)
		}
		f.levels[level-1] = list[:0]
		root = tileRoot(list)
	}
}

// finish writes the tiles that aren't full, and then the checkpoint. All is durable
// when it returns.
func (f *fetch) finish() error {
	index := f.to.Size >> tiles.Height
	for i, list := range f.levels {
		index >>= tiles.Height
		if len(list) == 0 {
			continue
		}
		if err := f.write(f.tilePath(i+1, index, len(list)), marshalTile(list)); err != nil {
			return fmt.Errorf("keep a tile: %w", err)
		}
	}
	if err := f.syncDirs(); err != nil {
		return fmt.Errorf("keep the copy: %w", err)
	}
	path := f.path(treeDir, checkpoint)
	if err := errors.Join(writeFile(path, f.to.Note), durable.SyncDir(filepath.Dir(path)), durable.SyncDir(f.dir)); err != nil {
		return fmt.Errorf("keep the checkpoint: %w", err)
	}
	before := f.at
	f.at = f.to
	f.head = tiles.NewHead(tiles.New(f.Copy))
	if before != nil {
		f.tidy(before.Size)
	}
	return f.tidyBodies()
}

// tidyBodies removes the bodies of the last bundle as it was when it had fewer, and with
// Recheck all such as a fetch that was interrupted left: they are no part of the copy, and
// would keep what is erased from it.
func (f *fetch) tidyBodies() error {
	index, w := f.to.Size/tiles.Width, int(f.to.Size%tiles.Width)
	current := f.bodiesPath(index, max(w, 1))
	partial := filepath.Dir(current)
	entries, err := os.ReadDir(partial)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if path := filepath.Join(partial, e.Name()); w == 0 || path != current {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	if !f.options.Recheck {
		return nil
	}
	return filepath.WalkDir(f.path(bodiesDir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() || path == partial || !strings.HasSuffix(path, ".p") {
			return err
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		return fs.SkipDir
	})
}

// write writes a file of the copy. Its name is durable after syncDirs.
func (f *fetch) write(path string, b []byte) error {
	f.dirs.Store(filepath.Dir(path), nil)
	return writeFile(path, b)
}

// syncDirs makes the names of all files durable that were written, and those of the
// directories that they are in.
func (f *fetch) syncDirs() error {
	all := map[string]bool{}
	f.dirs.Range(func(dir, _ any) bool {
		for d := dir.(string); len(d) > len(f.dir) && !all[d]; d = filepath.Dir(d) {
			all[d] = true
		}
		return true
	})
	for dir := range all {
		if err := durable.SyncDir(dir); err != nil {
			return err
		}
	}
	return durable.SyncDir(f.dir)
}

// tidy removes the partial tiles of a smaller tree whose full ones are there now. That
// one stays matters to nobody.
func (f *fetch) tidy(size uint64) {
	for level, n := 0, size; n > 0; level, n = level+1, n>>tiles.Height {
		index, w := n>>tiles.Height, int(n%tiles.Width)
		if w == 0 || f.to.Size>>(tiles.Height*level)>>tiles.Height <= index {
			continue
		}
		os.RemoveAll(filepath.Dir(f.tilePath(level, index, w)))
		if level == 0 {
			os.RemoveAll(filepath.Dir(f.tilePath(-1, index, w)))
			os.RemoveAll(filepath.Dir(f.bodiesPath(index, w)))
		}
	}
}

// bundle brings one bundle with its bodies and its hash tile.
func (f *fetch) bundle(ctx context.Context, index uint64) (*bundle, error) {
	w := bundleWidth(index, f.to.Size)
	b := &bundle{leaves: w}
	entries, err := f.kept(ctx, index, w)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil && ctx.Err() == nil:
		b.damaged++
	}
	if entries == nil {
		var leaves []ledger.Entry
		if leaves, b.bodies, err = f.bring(ctx, index, w); err != nil {
			return nil, err
		}
		b.fetched = w
		for _, e := range leaves {
			entries = append(entries, e.Raw)
		}
		if err := f.write(f.tilePath(-1, index, w), marshalBundle(entries)); err != nil {
			return nil, fmt.Errorf("keep leaves: %w", err)
		}
	}
	hashes := make([]tlog.Hash, len(entries))
	for i, e := range entries {
		hashes[i] = tlog.RecordHash(e)
	}
	tile := marshalTile(hashes)
	path := f.tilePath(0, index, w)
	if there, err := readFile(path, int64(len(tile))); err != nil || !bytes.Equal(there, tile) {
		if err := f.write(path, tile); err != nil {
			return nil, fmt.Errorf("keep a tile: %w", err)
		}
	}
	if w == tiles.Width {
		b.root = tileRoot(hashes)
	}
	return b, nil
}

// kept returns the leaves of a bundle that lies in the copy with its bodies, if all of
// it holds.
func (f *fetch) kept(ctx context.Context, index uint64, w int) ([][]byte, error) {
	b, err := readFile(f.tilePath(-1, index, w), maxBundle)
	if err != nil {
		return nil, err
	}
	entries, err := parseBundle(b, w)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(marshalBundle(entries), b) {
		return nil, errors.New("something follows its leaves")
	}
	bodies, err := readFile(f.bodiesPath(index, w), maxBodies)
	if err != nil {
		return nil, err
	}
	list, err := parseBodies(bodies, w)
	if err != nil {
		return nil, err
	}
	for i, body := range list {
		leaf, err := formats.ParseLeaf(entries[i])
		if err != nil {
			return nil, err
		}
		if body == nil {
			if f.again {
				return nil, fs.ErrNotExist
			}
			continue
		}
		if err := ledger.CheckBody(leaf, body); err != nil {
			return nil, err
		}
	}
	if err := f.reader.CheckLeaves(ctx, f.to, index*tiles.Width, entries); err != nil {
		return nil, err
	}
	return entries, nil
}

// bring fetches a bundle, and keeps its bodies.
func (f *fetch) bring(ctx context.Context, index uint64, w int) (leaves []ledger.Entry, bodies int, err error) {
	first := index * tiles.Width
	var text []byte
	for len(leaves) < w {
		more, err := f.reader.Entries(ctx, f.to, first+uint64(len(leaves)))
		if err != nil {
			return nil, 0, err
		}
		for _, e := range more {
			if e.Body != nil {
				bodies++
			}
			if text = appendBody(text, e.Body); len(text) > maxBodies {
				return nil, 0, fmt.Errorf("the bodies of leaves from %d on are longer than %d bytes", first, maxBodies)
			}
			e.Body = nil
			leaves = append(leaves, e)
		}
	}
	if len(leaves) != w {
		return nil, 0, fmt.Errorf("%d leaves came from %d on: want %d", len(leaves), first, w)
	}
	if err := f.write(f.bodiesPath(index, w), text); err != nil {
		return nil, 0, fmt.Errorf("keep bodies: %w", err)
	}
	return leaves, bodies, nil
}

func marshalTile(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// tileRoot returns the hash of a full tile.
func tileRoot(hashes []tlog.Hash) tlog.Hash {
	level := append([]tlog.Hash{}, hashes...)
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}
