package ops_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A path that a person chose is no pattern and no URI, and links in it are followed: only ledger/paths makes names for
// SQLite, lists by pattern and walks.
func TestPathsAreNoPatterns(t *testing.T) {
	forbidden := regexp.MustCompile(`filepath\.(Glob|Walk|WalkDir)\(|"file:"? *\+|"file:%s|Scheme: *"file"`)
	allowed := map[string]string{
		"ledger/paths":      "it is the helper",
		"ledger/readertest": "a test's own directory",
		"ops/bench":         "a directory that the benchmark made",
		"ops/broker":        "what the server made below its store, whose own path is resolved first",
		"ledger/mirror":     "what a copy made below its directory, and removes",
	}
	files := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		in := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(name), ".."+string(filepath.Separator)))
		if found := forbidden.Find(text); found != nil && allowed[in] == "" {
			t.Errorf("%s has %s: ledger/paths has List, Walk and SQLite for paths that people choose", name, found)
		}
		return nil
	})
	if err != nil || files < 200 {
		t.Fatalf("%d files, %v", files, err)
	}
}
