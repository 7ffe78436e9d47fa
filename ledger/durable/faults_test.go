package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var errFault = errors.New("made to fail")

// faulty makes the call number at fail, before it has its effect or after.
type faulty struct {
	at     int
	before bool
	calls  []string // that were made
}

func (f *faulty) do(name string, call func() error) error {
	f.calls = append(f.calls, name)
	if len(f.calls) != f.at+1 {
		return call()
	}
	if !f.before {
		if err := call(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", name, errFault)
}

func (f *faulty) write(file *os.File, b []byte) (n int, err error) {
	err = f.do("write", func() error { n, err = file.Write(b); return err })
	if err != nil && f.before {
		n, _ = file.Write(b[:len(b)/2]) // a disk that is full takes a part
	}
	return n, err
}

func (f *faulty) chmod(file *os.File, mode os.FileMode) error {
	return f.do("chmod", func() error { return file.Chmod(mode) })
}

func (f *faulty) sync(file *os.File) error  { return f.do("fsync", file.Sync) }
func (f *faulty) close(file *os.File) error { return f.do("close", file.Close) }

func (f *faulty) renameIn(dir *os.Root, from, to string) error {
	return f.do("rename", func() error { return dir.Rename(from, to) })
}

func (f *faulty) link(dir *os.Root, from, to string) error {
	return f.do("link", func() error { return dir.Link(from, to) })
}

func (f *faulty) remove(dir *os.Root, name string) error {
	return f.do("remove", func() error { return dir.Remove(name) })
}

func (f *faulty) rename(from, to string) error {
	return f.do("rename", func() error { return os.Rename(from, to) })
}

func (f *faulty) mkdir(path string, mode os.FileMode) error {
	return f.do("mkdir", func() error { return os.Mkdir(path, mode) })
}

// Every call fails, before its effect and after. The error comes back, the old state or the
// new one is there, nothing is left beside it, and doing the same again succeeds.
func TestFaults(t *testing.T) {
	const was, is = "what was there before", "what is written"
	path := func(dir string) string { return filepath.Join(dir, "file") }
	content := func(dir string) string {
		b, err := os.ReadFile(path(dir))
		if errors.Is(err, fs.ErrNotExist) {
			return "nothing"
		}
		return string(b)
	}
	old := func(dir string) error { return os.WriteFile(path(dir), []byte(was), 0o600) }
	for _, c := range []struct {
		what  string
		calls string // that it makes
		begin func(dir string) error
		do    func(c calls, dir string) error
		state func(dir string) string
		// before and after are the states; from the first call of that name on, or the last,
		// the new one is there.
		before, after, names string
		last                 bool
	}{
		{
			"write over a file", "write chmod fsync close rename fsync", old,
			func(c calls, dir string) error { return write(c, path(dir), []byte(is), 0o600, Replace) },
			content, was, is, "rename", false,
		}, {
			"write a file", "write chmod fsync close rename fsync", func(string) error { return nil },
			func(c calls, dir string) error { return write(c, path(dir), []byte(is), 0o600, Replace) },
			content, "nothing", is, "rename", false,
		}, {
			"write a new file", "write chmod fsync close link remove fsync", func(string) error { return nil },
			func(c calls, dir string) error { return write(c, path(dir), []byte(is), 0o600, Create) },
			content, "nothing", is, "link", false,
		}, {
			"rename", "rename fsync fsync", func(dir string) error {
				return errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o700), os.WriteFile(filepath.Join(dir, "sub", "from"), []byte(is), 0o600))
			},
			func(c calls, dir string) error { return rename(c, filepath.Join(dir, "sub", "from"), path(dir)) },
			content, "nothing", is, "rename", false,
		}, {
			"make directories", "fsync mkdir fsync mkdir fsync", func(string) error { return nil },
			func(c calls, dir string) error { return mkdirAll(c, filepath.Join(dir, "file", "below"), 0o700) },
			func(dir string) string {
				if _, err := os.Stat(filepath.Join(path(dir), "below")); err != nil {
					return "not both"
				}
				return "both"
			}, "not both", "both", "mkdir", true,
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			count := &faulty{at: -1}
			dir := t.TempDir()
			if err := errors.Join(c.begin(dir), c.do(count, dir)); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(count.calls, " "); got != c.calls {
				t.Fatalf("the calls are %s: want %s", got, c.calls)
			}
			named := slices.Index(count.calls, c.names)
			if c.last {
				named = len(count.calls) - 1 - slices.Index(reversed(count.calls), c.names)
			}
			for at, name := range count.calls {
				for _, before := range []bool{true, false} {
					dir := t.TempDir()
					if err := c.begin(dir); err != nil {
						t.Fatal(err)
					}
					err := c.do(&faulty{at: at, before: before}, dir)
					// Where there are no links, a name that is free is taken by a rename.
					withoutLinks := name == "link" && before
					if withoutLinks && err != nil || !withoutLinks && !errors.Is(err, errFault) {
						t.Errorf("%s fails (before its effect: %v): %v", name, before, err)
					}
					want := c.before
					if at > named || at == named && !before || withoutLinks {
						want = c.after
					}
					if got := c.state(dir); got != want {
						t.Errorf("%s fails (before its effect: %v): there is %q, want %q", name, before, got, want)
					}
					for _, name := range names(t, dir) {
						if strings.HasPrefix(filepath.Base(name), ".") {
							t.Errorf("%s is left over", name)
						}
					}
					if _, gone := os.Stat(filepath.Join(dir, "sub", "from")); c.what == "rename" && gone != nil {
						continue // done
					}
					if err := c.do(osCalls{}, dir); err != nil && (c.what != "write a new file" || !errors.Is(err, fs.ErrExist) || want != c.after) {
						t.Errorf("again, after %s failed: %v", name, err)
					}
					if got := c.state(dir); got != c.after {
						t.Errorf("again, after %s failed: there is %q", name, got)
					}
				}
			}
		})
	}
}

func reversed(calls []string) []string {
	calls = slices.Clone(calls)
	slices.Reverse(calls)
	return calls
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		all = append(all, path)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}
