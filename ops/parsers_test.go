package ops_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/parsing.md names every fuzz target, by its package, and no other.
func TestParsersTable(t *testing.T) {
	root := filepath.Join("..")
	declared := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)
	var have []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		in, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		for _, m := range declared.FindAllSubmatch(text, -1) {
			have = append(have, path.Join(filepath.ToSlash(in), string(m[1])))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "parsing.md"))
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	in := ""
	for _, m := range regexp.MustCompile("`([a-z0-9/]+)` |\\b(Fuzz\\w+)").FindAllStringSubmatch(string(text), -1) {
		if m[1] != "" {
			in = m[1]
		} else {
			named = append(named, path.Join(in, m[2]))
		}
	}
	slices.Sort(have)
	slices.Sort(named)
	for _, target := range have {
		if !slices.Contains(named, target) {
			t.Errorf("docs/parsing.md lacks %s", target)
		}
	}
	for _, target := range named {
		if !slices.Contains(have, target) {
			t.Errorf("docs/parsing.md names %s, which is not there", target)
		}
	}
	if len(have) == 0 {
		t.Error("no fuzz target was found")
	}
}
