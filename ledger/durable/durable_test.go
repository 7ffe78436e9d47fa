package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"one", "another, longer", ""} {
		if err := durable.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		b, err := durable.ReadFile(path, int64(len(text)))
		if err != nil || string(b) != text {
			t.Errorf("%q is read as %q: %v", text, b, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	// What can't be put in place leaves the old one, and nothing beside it.
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(filepath.Join(dir, "taken"), []byte("x"), 0o600); err == nil {
		t.Error("a directory was written over")
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("what is there: %v, %v", names, err)
	}
	if err := durable.WriteFile(filepath.Join(dir, "gone", "file"), nil, 0o600); err == nil {
		t.Error("a file was written into no directory")
	}
}

func TestReadFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 11), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.ReadFile(path, 10); err == nil {
		t.Error("11 bytes are taken for 10")
	}
	if _, err := durable.ReadFile("/dev/zero", 10); err == nil {
		t.Error("a file without end is read")
	}
}

// A link is followed: what it points to is written, there or not, and the link stays.
func TestLinksAreFollowed(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "real", "below"), 0o700))
	must(t, os.Symlink(filepath.Join("real", "below"), filepath.Join(dir, "linked")))
	for link, to := range map[string]string{
		"there":                           filepath.Join(dir, "real", "there"),
		"missing":                         filepath.Join("real", "missing"),
		"chain":                           "there",
		filepath.Join("linked", "upward"): filepath.Join("..", "upward"), // real/upward, and not upward
	} {
		must(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	must(t, os.WriteFile(filepath.Join(dir, "real", "there"), []byte("old"), 0o600))
	for link, target := range map[string]string{
		"there": "real/there", "missing": "real/missing", "chain": "real/there", "linked/upward": "real/upward", "linked/file": "real/below/file",
	} {
		must(t, durable.WriteFile(filepath.Join(dir, link), []byte(link), 0o600))
		if b, err := os.ReadFile(filepath.Join(dir, target)); err != nil || string(b) != link {
			t.Errorf("%s: %s is %q, %v", link, target, b, err)
		}
		if info, err := os.Lstat(filepath.Join(dir, link)); err != nil || link != "linked/file" && info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", link, err)
		}
		if err := durable.WriteNew(filepath.Join(dir, link), nil, 0o600); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s was made anew: %v", link, err)
		}
	}
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	if err := durable.WriteFile(filepath.Join(dir, "loop"), nil, 0o600); err == nil {
		t.Error("a link to itself was followed")
	}
}

// Nothing but a regular file is written over.
func TestWhatIsNoFileStays(t *testing.T) {
	if err := durable.WriteFile(os.DevNull, nil, 0o600); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("got %v", err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
}

func TestWriteNew(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 250))
	must(t, durable.WriteNew(path, []byte("one"), 0o640))
	if err := durable.WriteNew(path, []byte("two"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	// It appears while another is being written.
	path += "x"
	f, err := durable.Create(path, 0o600)
	must(t, err)
	must(t, os.WriteFile(path, []byte("first"), 0o600))
	_, err = f.Write([]byte("second"))
	must(t, err)
	if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "first" {
		t.Errorf("%q, %v", b, err)
	}
	if names, err := os.ReadDir(filepath.Dir(path)); err != nil || len(names) != 2 {
		t.Errorf("what is there: %v, %v", names, err)
	}
}

// What is begun and discarded leaves nothing, also if its directory got another name.
func TestDiscard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	must(t, os.Mkdir(dir, 0o700))
	discarded, err := durable.Replace(filepath.Join(dir, "discarded"), 0o600)
	must(t, err)
	kept, err := durable.Replace(filepath.Join(dir, "kept"), 0o600)
	must(t, err)
	must(t, os.Rename(dir, dir+"2"))
	must(t, discarded.Discard())
	must(t, kept.Commit())
	must(t, kept.Discard())
	if err := kept.Commit(); err == nil {
		t.Error("a file was finished twice")
	}
	if names, err := os.ReadDir(dir + "2"); err != nil || len(names) != 1 || names[0].Name() != "kept" {
		t.Errorf("what is there: %v, %v", names, err)
	}
}

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "b", "c")
	for range 2 {
		must(t, durable.MkdirAll(path, 0o700))
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		t.Errorf("%v, %v", info, err)
	}
	must(t, os.Symlink("a", filepath.Join(dir, "linked")))
	must(t, durable.MkdirAll(filepath.Join(dir, "linked", "d"), 0o700))
	if _, err := os.Stat(filepath.Join(dir, "a", "d")); err != nil {
		t.Error(err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for _, taken := range []string{"file", "file/below"} {
		if err := durable.MkdirAll(filepath.Join(dir, taken), 0o700); err == nil {
			t.Errorf("%s is a directory now", taken)
		}
	}
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "from"), []byte("text"), 0o600))
	to := filepath.Join(dir, "sub", "to")
	must(t, durable.Rename(filepath.Join(dir, "from"), to))
	if b, err := os.ReadFile(to); err != nil || string(b) != "text" {
		t.Errorf("%q, %v", b, err)
	}
	if err := durable.Rename(filepath.Join(dir, "from"), to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := durable.Lock(path)
	must(t, err)
	if _, err := durable.TryLock(path); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("a lock that is held: %v", err)
	}
	got := make(chan *durable.Held)
	go func() {
		h, err := durable.LockShared(path)
		if err != nil {
			t.Error(err)
		}
		got <- h
	}()
	select {
	case <-got:
		t.Fatal("a lock that is held was shared")
	default:
	}
	must(t, held.Close())
	one := <-got
	two, err := durable.LockShared(path)
	must(t, err)
	if _, err := durable.TryLock(path); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("a lock that is shared: %v", err)
	}
	must(t, errors.Join(one.Close(), two.Close()))
	held, err = durable.TryLock(path)
	must(t, err)
	must(t, held.Close())
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := durable.Lock(filepath.Join(path, "below")); err == nil {
		t.Error("a lock where no file can be")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
