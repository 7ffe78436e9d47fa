// Package durable is the one place in which files get their names and locks are taken.
//
// [WriteFile], [Replace], [Create], [Rename] and [MkdirAll] return when what they did
// survives a power cut. After an error the old state or the new one is there, never a part
// of it; the new one may be gone after a power cut. [Lock] and [TryLock] keep other
// processes out. [ReadFile] is bounded.
//
// What the functions have in common:
//
//   - A link at the end of a path is followed: the file that it points to is written, and
//     the link stays. [Create] takes it for something that is there already.
//   - The parent directory is held open from the first step to the last, so that it may be
//     renamed meanwhile.
//   - Interrupted system calls (EINTR) are repeated, by package os or here.
//   - A file that was begun and not finished has a name that begins with a dot, and is
//     removed on an error. A kill of the process leaves it; nobody reads it.
//   - On Windows directories can't be synced, and the file system's journal stands for
//     that. Everywhere else they are.
//
// Not here: anything that knows what a file holds, and databases and logs,
// which write in place and sync themselves.
package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteFile writes a file in the place of any that is there, and makes it durable. The
// steps: open the parent; create a temporary file in it; write; chmod; fsync; close; rename;
// fsync the parent. The file has the mode, whatever the umask.
func WriteFile(path string, b []byte, mode os.FileMode) error {
	return write(osCalls{}, path, b, mode, Replace)
}

// WriteNew is [WriteFile] for a file that must not be there yet: the error is then
// [fs.ErrExist].
func WriteNew(path string, b []byte, mode os.FileMode) error {
	return write(osCalls{}, path, b, mode, Create)
}

func write(c calls, path string, b []byte, mode os.FileMode, begin func(string, os.FileMode) (*File, error)) error {
	f, err := begin(path, mode)
	if err != nil {
		return err
	}
	f.calls = c
	if _, err := f.Write(b); err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Commit()
}

// WriteData is [WriteFile] without its last step: the file is whole and its contents are
// durable, but not its name, until [SyncDir] of its directory has returned. It is for whoever
// writes many files into one directory.
func WriteData(path string, b []byte, mode os.FileMode) error {
	f, err := Replace(path, mode)
	if err != nil {
		return err
	}
	f.nameLater = true
	if _, err := f.Write(b); err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Commit()
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(osCalls{}, d), d.Close())
}

// Rename gives a file or directory another name, in the place of any file that has it, and
// makes that durable: rename; fsync the new name's parent; fsync the old name's, if that is
// another. Links are renamed themselves.
func Rename(from, to string) error { return rename(osCalls{}, from, to) }

func rename(c calls, from, to string) error {
	if err := c.rename(from, to); err != nil {
		return err
	}
	parents := []string{filepath.Dir(to)}
	if old := filepath.Dir(from); old != parents[0] {
		parents = append(parents, old)
	}
	for _, parent := range parents {
		if err := syncName(c, parent); err != nil {
			return err
		}
	}
	return nil
}

// MkdirAll makes a directory, with all above it that are missing, and makes their names
// durable: mkdir and fsync the parent, from the top down. The parent of a directory that is
// there already is synced too: whoever made it may not have come so far.
func MkdirAll(path string, mode os.FileMode) error { return mkdirAll(osCalls{}, path, mode) }

func mkdirAll(c calls, path string, mode os.FileMode) error {
	path = filepath.Clean(path)
	parent := filepath.Dir(path)
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return &fs.PathError{Op: "mkdir", Path: path, Err: errors.New("it is there, and is no directory")}
	case err == nil:
		if parent == path {
			return nil
		}
		return syncName(c, parent)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := mkdirAll(c, parent, mode); err != nil {
		return err
	}
	if err := c.mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncName(c, parent)
}

// syncName makes the names in a directory durable, if its owner may read it: what can't be
// opened belongs to somebody else, who made it before.
func syncName(c calls, dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	} else if err != nil {
		return err
	}
	return errors.Join(syncDir(c, d), d.Close())
}

// ReadFile reads a file of at most so many bytes; more is an error, whatever the file says of its size.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes", path, most)
	}
	return b, err
}

// temporary is a name for a file that is not finished, beside the one called base.
func temporary(base string) string {
	const most = 180 // of the 255 bytes that a name may have
	return "." + base[:min(len(base), most)] + "-" + rand.Text()
}
