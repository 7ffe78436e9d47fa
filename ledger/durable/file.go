package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is a file that is being written. Others see it once [File.Commit] has returned, whole
// and durable; until then it has a temporary name. It isn't safe for concurrent use.
type File struct {
	// File is open for reading and writing, for whoever checks what was written. It must not
	// be closed.
	*os.File

	calls     calls
	dir       *os.Root
	name, tmp string
	path      string
	mode      os.FileMode
	fresh     bool // something may not be there yet
	nameLater bool // the parent isn't synced
	done      bool
}

// Replace begins a file that replaces any that is there. If path is a link, the
// file that it points to is replaced, or made, and the link stays. It is an error if
// something else than a regular file is there. The file has the mode, whatever the umask; if
// that is 0, it has 0600, or what its Chmod was called with.
func Replace(path string, mode os.FileMode) (*File, error) {
	real, err := follow(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(real); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "write", Path: path, Err: errors.New("it is no regular file")}
	}
	return begin(real, mode, false)
}

// Create begins a file that must not be there yet: the error is then [fs.ErrExist], here or
// from Commit. A link counts, wherever it points. The mode is as for [Replace].
func Create(path string, mode os.FileMode) (*File, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	return begin(path, mode, true)
}

func begin(path string, mode os.FileMode, fresh bool) (*File, error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	f := &File{calls: osCalls{}, dir: dir, name: filepath.Base(path), tmp: temporary(filepath.Base(path)), path: path, mode: mode, fresh: fresh}
	if f.File, err = dir.OpenFile(f.tmp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		dir.Close()
		return nil, err
	}
	return f, nil
}

// Write implements [io.Writer].
func (f *File) Write(b []byte) (int, error) { return f.calls.write(f.File, b) }

// Commit gives the file its name, and returns when it is durable: chmod, fsync, close,
// rename (link, of [Create]), fsync the parent. After an error nothing else can be done with
// the file.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("write %s: %w", f.path, fs.ErrClosed)
	}
	var err error
	if f.mode != 0 {
		err = f.calls.chmod(f.File, f.mode)
	}
	if err := errors.Join(err, f.calls.sync(f.File)); err != nil {
		return errors.Join(err, f.Discard())
	}
	if err := f.calls.close(f.File); err != nil {
		return errors.Join(err, f.Discard())
	}
	if err := f.giveName(); err != nil {
		return errors.Join(err, f.Discard())
	}
	f.done = true
	if f.nameLater {
		return f.dir.Close()
	}
	d, err := f.dir.Open(".")
	if err != nil {
		return errors.Join(err, f.dir.Close())
	}
	return errors.Join(syncDir(f.calls, d), d.Close(), f.dir.Close())
}

func (f *File) giveName() error {
	if !f.fresh {
		return f.calls.renameIn(f.dir, f.tmp, f.name)
	}
	// A link takes nothing's place, as a new name would. Where there are no links, looking
	// first is what there is.
	err := f.calls.link(f.dir, f.tmp, f.name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if _, missing := f.dir.Lstat(f.name); !errors.Is(missing, fs.ErrNotExist) {
			return err
		}
		return f.calls.renameIn(f.dir, f.tmp, f.name)
	}
	if err == nil {
		err = f.calls.remove(f.dir, f.tmp)
	}
	return err
}

// Discard removes what was begun. After Commit it does nothing, so it may be deferred.
func (f *File) Discard() error {
	if f.done {
		return nil
	}
	f.done = true
	if err := f.File.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return errors.Join(err, f.dir.Remove(f.tmp), f.dir.Close())
	}
	err := f.dir.Remove(f.tmp)
	if errors.Is(err, fs.ErrNotExist) { // it has its name, although that was reported to fail
		err = nil
	}
	return errors.Join(err, f.dir.Close())
}

// follow returns the path that a path's last element leads to, if that is a link; a link may
// lead to nothing yet.
func follow(path string) (string, error) {
	const most = 40 // links after one another, as the system has it
	for range most {
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, nil // what is wrong with it, the next step will say
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(to) {
			// ".." in a link is above the directory that the link is really in.
			dir, err := filepath.EvalSymlinks(filepath.Dir(path))
			if err != nil {
				return "", err
			}
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return "", &fs.PathError{Op: "follow", Path: path, Err: errors.New("too many links")}
}
