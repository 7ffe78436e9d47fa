package paths_test

import (
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/saksi-ledger/saksi/ledger/paths"
)

// odd are names that are patterns, or syntax of URIs.
var odd = []string{`a [1]#2?3%20\b`, "star*", "[x", "x?mode=memory", "case#1", "pct%41", "a&b=c", "ü 官", "plus+", "~"}

func TestSQLite(t *testing.T) {
	for _, name := range odd {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".db")
		db, err := sql.Open("sqlite", paths.SQLite(file, "_pragma=busy_timeout(1000)&_txlock=immediate"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Exec("CREATE TABLE t (x); INSERT INTO t VALUES (7)")
		if closed := db.Close(); err != nil || closed != nil {
			t.Fatalf("%s: %v, %v", file, err, closed)
		}
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s is not where the database lies: %v", file, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
			t.Errorf("beside %s there is %v: %v", dir, entries, err)
		}
		readOnly, err := sql.Open("sqlite", paths.SQLite(file, "mode=ro&_pragma=query_only(1)"))
		if err != nil {
			t.Fatal(err)
		}
		var x int
		if err := readOnly.QueryRow("SELECT x FROM t").Scan(&x); err != nil || x != 7 {
			t.Errorf("%s: %d, %v", file, x, err)
		}
		if _, err := readOnly.Exec("INSERT INTO t VALUES (8)"); err == nil {
			t.Errorf("%s is written to although it is open for reading", file)
		}
		if err := readOnly.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestList(t *testing.T) {
	for _, name := range odd {
		dir := filepath.Join(t.TempDir(), name)
		for _, file := range []string{"a-1.key", "a-2.key", "b-1.key", "a-.ke", "a-.key", "key"} {
			write(t, filepath.Join(dir, file))
		}
		link := filepath.Join(filepath.Dir(dir), "link")
		if err := os.Symlink(dir, link); err != nil {
			t.Fatal(err)
		}
		for _, by := range []string{dir, link} {
			found, err := paths.List(by, "a-", ".key")
			if want := []string{filepath.Join(by, "a-.key"), filepath.Join(by, "a-1.key"), filepath.Join(by, "a-2.key")}; err != nil || !slices.Equal(found, want) {
				t.Errorf("%s: %v, %v", by, found, err)
			}
		}
	}
	if found, err := paths.List(filepath.Join(t.TempDir(), "none"), "", ""); err != nil || found != nil {
		t.Errorf("a directory that isn't there has %v, %v", found, err)
	}
	if _, err := paths.List(os.DevNull, "", ""); err == nil {
		t.Error("a file has entries")
	}
}

func TestWalk(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "home", "notes", "a"))
	write(t, filepath.Join(elsewhere, "disk", "b"))
	write(t, filepath.Join(elsewhere, "c"))
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	home := filepath.Join(dir, "home")
	link(filepath.Join(elsewhere, "disk"), filepath.Join(home, "ledger"))
	link(filepath.Join(elsewhere, "c"), filepath.Join(home, "notes", "c"))
	link(home, filepath.Join(home, "notes", "loop"))
	link(home, filepath.Join(dir, "to-home"))
	for _, root := range []string{home, filepath.Join(dir, "to-home")} {
		var got []string
		err := paths.Walk(root, func(path string, info fs.FileInfo) error {
			if info.Mode()&fs.ModeSymlink != 0 {
				t.Errorf("%s is a link", path)
			}
			if info.Mode().IsRegular() {
				got = append(got, strings.TrimPrefix(path, root+"/"))
			}
			return nil
		})
		if want := []string{"ledger/b", "notes/a", "notes/c"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", root, got, err, want)
		}
	}
	skipped := 0
	if err := paths.Walk(home, func(path string, info fs.FileInfo) error {
		if info.IsDir() && path != home {
			return fs.SkipDir
		}
		skipped++
		return nil
	}); err != nil || skipped != 1 {
		t.Errorf("%d were visited of a home whose directories are skipped: %v", skipped, err)
	}
	link(filepath.Join(dir, "nowhere"), filepath.Join(home, "dangling"))
	if err := paths.Walk(home, func(string, fs.FileInfo) error { return nil }); err == nil || !strings.Contains(err.Error(), "dangling") {
		t.Errorf("a link that leads nowhere: %v", err)
	}
	if err := paths.Walk(filepath.Join(dir, "none"), func(string, fs.FileInfo) error { return nil }); err == nil {
		t.Error("a tree that isn't there was walked")
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}
