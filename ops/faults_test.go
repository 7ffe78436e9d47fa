package ops_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/faults.md says what the program says: each message that it quotes stands in a source
// file, and each test that it names is there.
func TestFaultsTable(t *testing.T) {
	var sources, tests strings.Builder
	scripts := map[string]bool{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return fs.SkipDir
		}
		if filepath.Ext(name) == ".txtar" {
			scripts[d.Name()] = true
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if strings.HasSuffix(name, "_test.go") {
			tests.Write(text)
		} else {
			sources.Write(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("..", "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	rows, messages := 0, 0
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 5 || strings.HasPrefix(line, "| fault") {
			continue
		}
		rows++
		for _, m := range quoted.FindAllStringSubmatch(cells[2], -1) {
			if strings.HasPrefix(m[1], "saksi ") || m[1] == "verify" {
				continue
			}
			messages++
			if !strings.Contains(sources.String(), m[1]) {
				t.Errorf("%s: nothing says %q", cells[0], m[1])
			}
		}
	}
	if rows < 20 || messages < 15 {
		t.Errorf("%d rows and %d messages: is the table still one?", rows, messages)
	}
	for _, m := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(tests.String(), "func "+m[1]+"(") {
			t.Errorf("there is no %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`([\\w-]+\\.txtar)`").FindAllStringSubmatch(string(text), -1) {
		if !scripts[m[1]] {
			t.Errorf("there is no script %s", m[1])
		}
	}
}
