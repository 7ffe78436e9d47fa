package writer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// contradicted holds the tree to what its own database and others know of it.
func (l *Ledger) contradicted(ctx context.Context) error {
	stamped, err := l.state.size()
	if err != nil {
		return fmt.Errorf("read the state database: %w", err)
	}
	if stamped > l.tree.size { // it is written after the tree
		return fmt.Errorf("%w: it has %d leaves, and its own state database, %s, knows %d", ledger.ErrContradicted, l.tree.size, l.state.path, stamped)
	}
	bodies, err := archive.OpenBodies(filepath.Join(l.config.Dir, archive.BodiesDir), l.tree.size, true)
	if err != nil {
		return err
	}
	genesis, err := bodies.Read(0)
	if err := errors.Join(err, bodies.Close()); err != nil {
		return err
	}
	if l.own, err = logOf(genesis); err != nil {
		return err
	}
	if l.config.Known == nil {
		return nil
	}
	known, err := l.config.Known(ctx)
	if err != nil {
		return fmt.Errorf("ask what others know of the tree: %w", err)
	}
	return l.Continues(ctx, known...)
}

// Continues holds the tree to what others know of it. The error wraps [ledger.ErrContradicted]
// and says by whose word, or is one of reading the tree.
func (l *Ledger) Continues(ctx context.Context, all ...ledger.Known) error {
	note, err := l.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("hold the tree to what others know of it: %w", err)
	}
	published, err := l.own.OpenCheckpoint(note)
	if err != nil {
		return fmt.Errorf("hold the tree to what others know of it: %w", err)
	}
	size := l.Size()
	hashes := tiles.New(l.tree.reader).Tree(ctx, published.Tree())
	for _, known := range all {
		switch {
		case known.Size > size:
			return fmt.Errorf("%w: it has %d leaves, and %s knows %d", ledger.ErrContradicted, size, known.By, known.Size)
		case known.Other && known.Size == published.Size:
			return fmt.Errorf("%w: %s knows its %d leaves by another root than %s", ledger.ErrContradicted, known.By, known.Size, published.Root)
		case known.Root == nil || known.Size == 0 || known.Size > published.Size:
			continue // there is nothing to compare, or not yet
		}
		root, err := tlog.TreeHash(int64(known.Size), hashes)
		if err != nil {
			return fmt.Errorf("hold the tree to what %s knows of it: %w", known.By, err)
		}
		if root != *known.Root {
			return fmt.Errorf("%w: its first %d leaves have the root %s, and %s knows them by %s", ledger.ErrContradicted, known.Size, root, known.By, known.Root)
		}
	}
	return nil
}

// Sighted is [Continues] of a checkpoint that somebody has verified, as a signed note. One
// that this log did not sign says nothing. Where it contradicts the tree, the ledger takes
// nothing more: what it would add could only widen the fork.
func (l *Ledger) Sighted(ctx context.Context, by string, note []byte) error {
	checkpoint, err := l.own.OpenCheckpoint(note)
	if err != nil || l.sighted.knows(checkpoint) {
		return nil
	}
	err = l.Continues(ctx, ledger.Known{By: by, Size: checkpoint.Size, Root: &checkpoint.Root})
	if !errors.Is(err, ledger.ErrContradicted) {
		if err == nil {
			l.sighted.add(checkpoint)
		}
		return err
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.failed == nil {
		l.failed = fmt.Errorf("%w: %w", err, ledger.ErrFatal)
		l.contradiction <- l.failed
		if l.config.Contradicted != nil {
			l.config.Contradicted(checkpoint)
		}
	}
	return l.failed
}

// mostSighted bounds how many checkpoints are remembered to have been looked at.
const mostSighted = 256

// sighted are the checkpoints that were found to be of this tree, so that parties who
// show the same again and again cost no reading of tiles.
type sighted struct {
	mu   sync.Mutex
	seen map[tlog.Hash]uint64
}

func (s *sighted) knows(c *formats.Checkpoint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	size, ok := s.seen[c.Root]
	return ok && size == c.Size
}

func (s *sighted) add(c *formats.Checkpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil || len(s.seen) >= mostSighted {
		s.seen = map[tlog.Hash]uint64{}
	}
	s.seen[c.Root] = c.Size
}
