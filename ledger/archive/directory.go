package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// checkpointPoll is how often [Directory.Wait] looks whether the checkpoint's file
// is another one.
const checkpointPoll = 25 * time.Millisecond

// chunkOfBodies bounds what [Directory.Entries] returns of bodies, in bytes.
const chunkOfBodies = 8 << 20

// Directory reads a ledger on the same machine, while another process or goroutine
// may be writing it. It is a [ledger.Reader].
type Directory struct {
	dir     string
	log     *formats.Log
	archive *Archive
	head    *tiles.Head

	mu   sync.Mutex
	file os.FileInfo // of the checkpoint that head took last
}

// OpenDirectory opens the ledger in dir, which has published a checkpoint that log
// signed.
func OpenDirectory(dir string, log *formats.Log) (*Directory, error) {
	archive, err := OpenArchive(dir, 0)
	if err != nil {
		return nil, err
	}
	d := &Directory{dir: dir, log: log, archive: archive, head: tiles.NewHead(tiles.New(archive))}
	if _, err := d.Checkpoint(context.Background()); err != nil {
		archive.Close()
		return nil, err
	}
	return d, nil
}

// Close closes the files. Nothing may be read after it.
func (d *Directory) Close() error { return d.archive.Close() }

// Checkpoint implements [ledger.Reader].
func (d *Directory) Checkpoint(ctx context.Context) (*formats.Checkpoint, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// Looked at before it is read: if it is replaced in between, the next look
	// finds another file.
	file, err := os.Stat(filepath.Join(d.dir, TreeDir, "checkpoint"))
	if err == nil && d.file != nil && os.SameFile(file, d.file) && file.ModTime().Equal(d.file.ModTime()) {
		return d.head.Newest(), nil
	}
	note, err := ReadCheckpoint(d.dir)
	if err != nil {
		return nil, err
	}
	checkpoint, err := d.log.OpenCheckpoint(note)
	if err != nil {
		return nil, fmt.Errorf("ledger in %s: %w", d.dir, err)
	}
	if checkpoint, err = d.head.Advance(ctx, checkpoint); err != nil {
		return nil, fmt.Errorf("ledger in %s: %w", d.dir, err)
	}
	d.file = file
	return checkpoint, nil
}

// Wait implements [ledger.Reader].
func (d *Directory) Wait(ctx context.Context, size uint64) (*formats.Checkpoint, error) {
	var tick <-chan time.Time
	for {
		checkpoint, err := d.Checkpoint(ctx)
		if err != nil || checkpoint.Size > size {
			return checkpoint, err
		}
		if tick == nil {
			ticker := time.NewTicker(checkpointPoll)
			defer ticker.Stop()
			tick = ticker.C
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick:
		}
	}
}

// Leaves is [Directory.Entries] without bodies.
func (d *Directory) Leaves(ctx context.Context, checkpoint *formats.Checkpoint, from uint64) ([]ledger.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	raw, err := ReadEntries(ctx, d.archive.files, from, checkpoint.Size)
	if err != nil {
		return nil, err
	}
	if err := d.head.Leaves(ctx, checkpoint, from, raw); err != nil {
		return nil, fmt.Errorf("ledger in %s: %w", d.dir, err)
	}
	entries := make([]ledger.Entry, len(raw))
	for i := range raw {
		entries[i] = ledger.Entry{Index: from + uint64(i), Raw: raw[i]}
		if entries[i].Leaf, err = formats.ParseLeaf(raw[i]); err != nil {
			return nil, fmt.Errorf("leaf %d: %w", from+uint64(i), err)
		}
	}
	return entries, nil
}

// Entries implements [ledger.Reader]. It returns some 8 MiB of bodies at most, or one.
func (d *Directory) Entries(ctx context.Context, checkpoint *formats.Checkpoint, from uint64) ([]ledger.Entry, error) {
	entries, err := d.Leaves(ctx, checkpoint, from)
	if err != nil {
		return nil, err
	}
	if err := d.archive.bodies.grow(checkpoint.Size); err != nil {
		return nil, err
	}
	total := 0
	for i := range entries {
		e := &entries[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if e.Body, err = d.archive.Body(e.Index); err != nil {
			return nil, err
		}
		if err := ledger.CheckBody(e.Leaf, e.Body); err != nil {
			return nil, fmt.Errorf("body of leaf %d: %w", e.Index, err)
		}
		if total += len(e.Body); total > chunkOfBodies {
			return entries[:i+1], nil
		}
	}
	return entries, nil
}

// Body returns the body of a leaf below the newest checkpoint, as it lies there.
func (d *Directory) Body(ctx context.Context, leaf uint64) ([]byte, error) {
	newest := d.head.Newest()
	if leaf >= newest.Size {
		var err error
		if newest, err = d.Checkpoint(ctx); err != nil {
			return nil, err
		}
		if leaf >= newest.Size {
			return nil, fmt.Errorf("body of leaf %d: the ledger has %d leaves", leaf, newest.Size)
		}
	}
	if err := d.archive.bodies.grow(newest.Size); err != nil {
		return nil, err
	}
	return d.archive.Body(leaf)
}

// ReadTile implements [ledger.Reader].
func (d *Directory) ReadTile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	return cutTile(p)(d.archive.ReadTile(ctx, level, index, p))
}

// Prove returns the inclusion proof of a leaf under a checkpoint.
func (d *Directory) Prove(ctx context.Context, checkpoint *formats.Checkpoint, index uint64) (tlog.RecordProof, error) {
	return d.head.Prove(ctx, checkpoint, index)
}

// Root returns the root of the tree of the first size leaves, below the newest
// checkpoint.
func (d *Directory) Root(ctx context.Context, size uint64) (tlog.Hash, error) {
	if d.head.Newest().Size < size {
		if _, err := d.Checkpoint(ctx); err != nil {
			return tlog.Hash{}, err
		}
	}
	return d.head.Root(ctx, size)
}

// cutTile cuts a full tile that was read in the place of a partial one, which goes
// when the full one is there.
func cutTile(p uint8) func([]byte, error) ([]byte, error) {
	return func(b []byte, err error) ([]byte, error) {
		if n := int(p) * tlog.HashSize; err == nil && n > 0 && len(b) > n {
			b = b[:n]
		}
		return b, err
	}
}
