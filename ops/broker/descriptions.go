package broker

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The server writes what a stream or a consumer is without making it durable, and will not
// start with one whose description a power cut has left half written. So it is made durable
// here, within durableEvery of its being written. Messages are another matter: what the
// stream loses of those, outboxes send again.
const durableEvery = time.Second

// descriptions are the files that say what a stream or a consumer is.
var descriptions = []string{"meta.inf", "meta.sum", "meta.key"}

// descriptionsOf remembers which of a store's descriptions are durable.
type descriptionsOf struct {
	dir  string
	done map[string]time.Time // file to when it was last written
	log  *slog.Logger
}

// keepDurable looks after the streams in a store until the context ends, and once more then.
func keepDurable(ctx context.Context, dir string, log *slog.Logger) {
	d := &descriptionsOf{dir: dir, done: map[string]time.Time{}, log: log}
	tick := time.NewTicker(durableEvery)
	defer tick.Stop()
	for {
		if err := d.sync(); err != nil {
			d.log.Warn("what streams there are is not made durable", "component", "nats", "error", err)
		}
		select {
		case <-ctx.Done():
			if err := d.sync(); err != nil {
				d.log.Warn("what streams there are was not made durable", "component", "nats", "error", err)
			}
			return
		case <-tick.C:
		}
	}
}

// setAside moves away what a power cut has left of streams and consumers that were made
// moments before: their checksum is empty, as it was never durable, no message is, and the
// server would not start with them. They are made again; nobody was promised what lay in
// them. Where there are messages it is damage of another kind, and nothing is moved.
func setAside(store string, log *slog.Logger) error {
	var unfinished []string
	err := filepath.WalkDir(filepath.Join(store, "jetstream"), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "msgs":
			return fs.SkipDir
		case entry.IsDir() || entry.Name() != "meta.inf":
			return nil
		}
		sum, err := os.Stat(filepath.Join(filepath.Dir(path), "meta.sum"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil && sum.Size() > 0 {
			return nil
		}
		blocks, err := filepath.Glob(filepath.Join(filepath.Dir(path), "msgs", "*.blk"))
		if err != nil {
			return err
		}
		for _, block := range blocks {
			if info, err := os.Stat(block); err != nil || info.Size() > 0 {
				return err
			}
		}
		unfinished = append(unfinished, filepath.Dir(path))
		return nil
	})
	if err != nil {
		return err
	}
	for _, dir := range unfinished {
		aside := filepath.Join(store, "unfinished", time.Now().UTC().Format("20060102T150405.000000000"))
		if err := os.MkdirAll(aside, 0o700); err != nil {
			return err
		}
		aside = filepath.Join(aside, filepath.Base(dir))
		if err := os.Rename(dir, aside); err != nil {
			return ignoreMissing(err) // with the stream that it was a consumer of
		}
		log.Warn("a stream or consumer was left unfinished by a power cut and is made again", "component", "nats", "was", dir, "now", aside)
	}
	return nil
}

// sync makes durable what was written since it was last called: files first, then the
// names in the directories above them.
func (d *descriptionsOf) sync() error {
	written := map[string]time.Time{}
	above := map[string]bool{}
	err := filepath.WalkDir(d.dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // a consumer that is deleted just now
			return nil
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "msgs":
			return fs.SkipDir
		case entry.IsDir() || !slices.Contains(descriptions, entry.Name()):
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		if d.done[path].Equal(info.ModTime()) {
			written[path] = info.ModTime()
			return nil
		}
		if err := syncFile(path); err != nil {
			return ignoreMissing(err)
		}
		written[path] = info.ModTime()
		for dir := filepath.Dir(path); len(dir) >= len(d.dir); dir = filepath.Dir(dir) {
			above[dir] = true
		}
		return nil
	})
	for dir := range above {
		err = errors.Join(err, ignoreMissing(syncFile(dir)))
	}
	if err == nil {
		d.done = written
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncFile makes a file, or the names in a directory, durable.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
