package durable

import (
	"os"
	"runtime"
)

// calls are the system calls that change something, so that tests can fail each of them,
// before it has its effect or after.
type calls interface {
	write(f *os.File, b []byte) (int, error)
	chmod(f *os.File, mode os.FileMode) error
	sync(f *os.File) error // of a file or a directory
	close(f *os.File) error
	renameIn(dir *os.Root, from, to string) error
	link(dir *os.Root, from, to string) error
	remove(dir *os.Root, name string) error
	rename(from, to string) error
	mkdir(path string, mode os.FileMode) error
}

// osCalls are the system's.
type osCalls struct{}

func (osCalls) write(f *os.File, b []byte) (int, error)      { return f.Write(b) }
func (osCalls) chmod(f *os.File, mode os.FileMode) error     { return f.Chmod(mode) }
func (osCalls) sync(f *os.File) error                        { return f.Sync() }
func (osCalls) close(f *os.File) error                       { return f.Close() }
func (osCalls) renameIn(dir *os.Root, from, to string) error { return dir.Rename(from, to) }
func (osCalls) link(dir *os.Root, from, to string) error     { return dir.Link(from, to) }
func (osCalls) remove(dir *os.Root, name string) error       { return dir.Remove(name) }
func (osCalls) rename(from, to string) error                 { return os.Rename(from, to) }
func (osCalls) mkdir(path string, mode os.FileMode) error    { return os.Mkdir(path, mode) }

// syncDir makes the names in an open directory durable, where the system can do that.
func syncDir(c calls, dir *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return c.sync(dir)
}
