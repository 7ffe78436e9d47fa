package connect_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events/connect"
)

func own(path string) bool { return connect.Named(path, ".json", ".jsonl", ".csv") }

// tree makes empty files, and links ("name -> to"), below a new directory.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		name, to, link := strings.Cut(name, " -> ")
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		var err error
		if link {
			err = os.Symlink(filepath.FromSlash(to), name)
		} else {
			err = os.WriteFile(name, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// relative names paths below a directory.
func relative(t *testing.T, dir string, names []string) string {
	t.Helper()
	var short []string
	for _, name := range names {
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		short = append(short, filepath.ToSlash(rel))
	}
	return fmt.Sprintf("%q", short)
}

func TestFiles(t *testing.T) {
	dir := tree(t, "b/2.json", "b/1.json.gz", "a.JSONL", "c.csv.zst", "LICENSE", "README.md", ".hidden.json", ".git/x.json", "d/e/f.json", "z.log")
	files, skipped, err := connect.Files([]string{
		filepath.Join(dir, "z.log"), dir, filepath.Join(dir, "b"), filepath.Join(dir, "b", "2.json"),
	}, own)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := relative(t, dir, files), `["z.log" "a.JSONL" "b/1.json.gz" "b/2.json" "c.csv.zst" "d/e/f.json"]`; got != want {
		t.Errorf("files   %s\nwant    %s", got, want)
	}
	if got, want := relative(t, dir, skipped), `[".git" ".hidden.json" "LICENSE" "README.md" "z.log"]`; got != want {
		t.Errorf("skipped %s\nwant    %s", got, want)
	}
	if _, _, err := connect.Files([]string{filepath.Join(dir, "nowhere")}, own); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing path: %v", err)
	}
}

// TestFilesFollowsLinks: what is behind a link is read, once, and nothing is
// walked for ever.
func TestFilesFollowsLinks(t *testing.T) {
	dir := tree(t, "logs/a.json", "logs/sub/b.json", "logs/sub/up -> ..", "current -> logs", "in/dir -> ../logs/sub", "in/file.json -> ../logs/a.json", "in/again.json -> ../logs/a.json", "in/self -> self2", "in/self2 -> self")
	for path, want := range map[string]string{
		"current":  `["current/a.json" "current/sub/b.json"]`,
		"current/": `["current/a.json" "current/sub/b.json"]`,
		"logs":     `["logs/a.json" "logs/sub/b.json"]`,
		// The link up leads to the directory around it, which holds a.json.
		"logs/sub": `["logs/sub/b.json" "logs/sub/up/a.json"]`,
	} {
		files, _, err := connect.Files([]string{dir + "/" + path}, own)
		if got := relative(t, dir, files); err != nil || got != want {
			t.Errorf("%s: %s, want %s (%v)", path, got, want, err)
		}
	}
	// Links in a circle are named: what may be behind them can't be read.
	if _, _, err := connect.Files([]string{filepath.Join(dir, "in")}, own); err == nil || !strings.Contains(err.Error(), "self") {
		t.Errorf("links in a circle: %v", err)
	}
	dangling := tree(t, "a.json", "b.json -> gone", "other -> gone")
	if _, _, err := connect.Files([]string{dangling}, own); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "b.json") {
		t.Errorf("a log that is a link to nothing: %v", err)
	}
}

// TestFilesAnyName: a path is never a pattern.
func TestFilesAnyName(t *testing.T) {
	const odd = "a [1]#2?3%20*\\b\n\xff"
	dir := tree(t, odd+"/c {d}.json", "a 1/decoy.json")
	files, _, err := connect.Files([]string{filepath.Join(dir, odd)}, own)
	if err != nil || len(files) != 1 || files[0] != filepath.Join(dir, odd, "c {d}.json") {
		t.Errorf("%q, %v", files, err)
	}
}

// TestFilesNone: to look for logs where there is none is an error.
func TestFilesNone(t *testing.T) {
	dir := tree(t, "README.md")
	if _, skipped, err := connect.Files([]string{dir}, own); err == nil || !strings.Contains(err.Error(), "README.md") || len(skipped) != 1 {
		t.Errorf("a directory without logs: %q, %v", skipped, err)
	}
	if _, _, err := connect.Files([]string{t.TempDir()}, own); err == nil {
		t.Error("an empty directory was taken")
	}
}

func TestNamed(t *testing.T) {
	for name, want := range map[string]bool{
		"a.json": true, "A.JSON.GZ": true, "a.csv.zst": true, "x.gz": true, "host.2026-01-02.gz": true, "a.jsonl.zstd": true,
		"a.txt": false, "a.tar.gz": false, "json": false, "a.json.zip": false, ".gz": false, "README.md.gz": false,
	} {
		if got := own("some/dir/" + name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
