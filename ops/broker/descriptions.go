package broker

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// The server writes the description of a stream or a consumer without making it durable. It
// is made durable here, within durableEvery of its being written; what a power cut tears
// before that, a [mender] mends. Messages are another matter: what a stream loses of those,
// outboxes send again.
const durableEvery = time.Second

// isDescription reports whether a file says what a stream or a consumer is.
func isDescription(name string) bool { return name == fileDescription || name == fileChecksum }

// descriptionsOf remembers which of a store's descriptions are durable.
type descriptionsOf struct {
	dir  string
	done map[string]time.Time // file to when it was last written
	log  *slog.Logger
}

// keepDurable looks after the streams in a store at once, every so often until the context
// ends, and once more then.
func keepDurable(ctx context.Context, dir string, every time.Duration, log *slog.Logger) {
	d := &descriptionsOf{dir: dir, done: map[string]time.Time{}, log: log}
	tick := time.NewTicker(every)
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
		case entry.IsDir() && entry.Name() == dirMessages:
			return fs.SkipDir
		case entry.IsDir() || !isDescription(entry.Name()):
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
