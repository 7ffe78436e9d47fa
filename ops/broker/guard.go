package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// dirGuard is where a [guard] keeps its links.
const dirGuard = "starting"

// guard keeps streams from being deleted while the server starts: the server deletes the
// whole directory of a stream whose store it can't open, whatever the reason. Until it has
// loaded all streams, each of their files has a second name outside of its reach.
type guard struct {
	store string
	log   *slog.Logger
}

// take gives all files of the streams in the store a second name. There must be none yet.
func (g guard) take() error {
	from := filepath.Join(g.store, server.JetStreamStoreDir)
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(g.store, dirGuard, rel)
		if entry.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		return os.Link(path, to)
	})
	if err == nil {
		return nil
	}
	// There are file systems without hard links. The server starts there too.
	g.log.Warn("streams are not protected from deletion while the server starts", "component", "nats", "error", err)
	return g.release()
}

// putBack gives files their names back that have only their second name now, and releases
// the rest. Where a file comes back, the index of its stream's messages goes, so that the
// server makes it from what is there.
func (g guard) putBack() error {
	from := filepath.Join(g.store, dirGuard)
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(g.store, server.JetStreamStoreDir, rel)
		if filepath.Base(to) == fileIndex {
			return nil
		}
		if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			return err
		}
		if err := os.Link(path, to); err != nil {
			return err
		}
		return ignoreMissing(os.Remove(filepath.Join(filepath.Dir(to), fileIndex)))
	})
	if err != nil {
		return fmt.Errorf("put streams back from %s: %w", from, err)
	}
	return g.release()
}

// release removes all second names.
func (g guard) release() error { return os.RemoveAll(filepath.Join(g.store, dirGuard)) }
