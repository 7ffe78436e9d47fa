package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

const (
	shelfPage = 1000
	maxNames  = 64
	maxName   = 64
)

// others brings what Rekors, timestamp authorities and witnesses hold of the ledger. What is no checkpoint of
// the log's isn't kept; whether it holds, and is of this tree, an audit says.
func (f *fetch) others(ctx context.Context) error {
	shelves, err := f.shelves()
	if err != nil {
		return err
	}
	for _, s := range shelves {
		if err := f.index(ctx, s); err != nil {
			return fmt.Errorf("copy its %s: %w", s.dir, err)
		}
	}
	if err := f.cosigned(ctx); err != nil {
		return fmt.Errorf("copy what is cosigned: %w", err)
	}
	return nil
}

// shelved is one thing that somebody signed over a checkpoint.
type shelved struct {
	by         string
	size       uint64
	file, note string // paths, as the ledger gives them
}

// blobIndex is where a ledger keeps what others signed over its checkpoints.
type blobIndex struct {
	dir, suffix string
	list        func(ctx context.Context, before uint64) ([]shelved, error)
	read        func(ctx context.Context, path string) ([]byte, error)
	// check refuses what isn't what it is said to be. Whether it holds, an audit says.
	check func(file, note []byte) error
}

// shelves are what is copied: anchors and timestamps.
func (f *fetch) shelves() ([]blobIndex, error) {
	anchors, err := evidence.Remote(f.reader.Base(), f.reader.Client())
	if err != nil {
		return nil, err
	}
	times, err := evidence.RemoteTimestamps(f.reader.Base(), f.reader.Client())
	if err != nil {
		return nil, err
	}
	return []blobIndex{
		{anchorsDir, ".json", func(ctx context.Context, before uint64) (all []shelved, _ error) {
			list, err := anchors.List(ctx, "", before, shelfPage)
			for _, a := range list {
				all = append(all, shelved{a.Rekor, a.Size, a.Entry, a.Checkpoint})
			}
			return all, err
		}, anchors.Read, func(entry, _ []byte) error {
			_, err := verify.ParseLogEntry(entry)
			return err
		}},
		{timestampsDir, ".tst", func(ctx context.Context, before uint64) (all []shelved, _ error) {
			list, err := times.List(ctx, "", before, shelfPage)
			for _, t := range list {
				all = append(all, shelved{t.Authority, t.Size, t.Token, t.Checkpoint})
			}
			return all, err
		}, times.Read, func([]byte, []byte) error { return nil }},
	}, nil
}

// index goes through an index, the largest checkpoints first, until there is nothing new.
func (f *fetch) index(ctx context.Context, s blobIndex) error {
	names := map[string]bool{}
	for before := uint64(0); ; {
		list, err := s.list(ctx, before)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a server need not have any
		}
		if err != nil {
			return err
		}
		fresh, last := false, before
		for _, item := range list {
			if before > 0 && item.size >= before {
				return fmt.Errorf("one over %d leaves came, asked for those below %d", item.size, before)
			}
			if last == 0 || item.size < last {
				last = item.size
			}
			if !plainName(item.by) || item.size == 0 || item.size > f.to.Size || !names[item.by] && len(names) == maxNames {
				continue
			}
			names[item.by] = true
			came, err := f.take(ctx, s, item)
			if err != nil {
				return err
			}
			fresh = fresh || came
		}
		if len(list) == 0 || !fresh && !f.options.Recheck || last == before {
			return nil
		}
		before = last
	}
}

// plainName tells whether the name of who signed can be that of a directory.
func plainName(name string) bool {
	return name != "" && len(name) <= maxName && name[0] != '.' &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

// take keeps one that is not there yet, its note last: nothing counts without one.
func (f *fetch) take(ctx context.Context, s blobIndex, item shelved) (came bool, err error) {
	base := f.path(s.dir, item.by, fmt.Sprintf("%020d", item.size))
	if _, err := os.Stat(base + ".note"); err == nil {
		return false, nil
	}
	note, err := s.read(ctx, item.note)
	if err != nil {
		return false, err
	}
	c, err := f.log.OpenCheckpoint(note)
	if err != nil || c.Size != item.size {
		return false, nil
	}
	file, err := s.read(ctx, item.file)
	if err != nil {
		return false, err
	}
	if s.check(file, note) != nil {
		return false, nil
	}
	if err := errors.Join(writeFile(base+s.suffix, file), writeFile(base+".note", note), durable.SyncDir(filepath.Dir(base))); err != nil {
		return false, err
	}
	if s.dir == anchorsDir {
		f.done.Anchors++
	} else {
		f.done.Timestamps++
	}
	return true, nil
}

// cosigned keeps the newest checkpoint that witnesses have cosigned.
func (f *fetch) cosigned(ctx context.Context) error {
	note, err := f.reader.CosignedNote(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c, err := f.log.OpenCheckpoint(note)
	if err != nil || c.Size > f.to.Size {
		return err
	}
	path := f.path(cosignedDir, fmt.Sprintf("%020d.quorum", c.Size))
	return errors.Join(writeFile(path, note), durable.SyncDir(filepath.Dir(path)))
}
