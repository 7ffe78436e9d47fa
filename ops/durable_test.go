package ops

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// onlyDurable are the calls that give a file its name, or lock it, and so have promises to
// keep that only ledger/durable keeps: see there.
var onlyDurable = map[string]string{
	"os.Rename":          "durable.Rename makes the name durable too",
	"os.WriteFile":       "durable.WriteFile leaves the old file or the new one",
	"os.Create":          "durable.Replace leaves the old file or the new one",
	"syscall.Flock":      "durable.Lock repeats it when it is interrupted",
	"unix.Flock":         "durable.Lock repeats it when it is interrupted",
	"unix.FcntlFlock":    "durable.Lock has one kind of lock",
	"syscall.FcntlFlock": "durable.Lock has one kind of lock",
	"windows.LockFileEx": "durable.Lock has one kind of lock",
	"unix.Renameat":      "durable.Rename makes the name durable too",
	"unix.Renameat2":     "durable.Rename makes the name durable too",
	"unix.Rename":        "durable.Rename makes the name durable too",
	"syscall.Rename":     "durable.Rename makes the name durable too",
	"ioutil.WriteFile":   "durable.WriteFile leaves the old file or the new one",
}

// exempt are the files that need one of those calls for something else, and what for.
var exempt = map[string]string{
	"cmd/saksi-bench/main.go":                   "it writes a profile",
	"events/connect/connecttest/connecttest.go": "it writes what tests read",
	"ops/bench/process.go":                      "it writes to /proc",
	"ledger/durable/powercut/disk_linux.go":     "it makes the disk whose power is cut",
}

// TestDurable holds the module to one way of writing files that must survive, and to one
// kind of lock.
func TestDurable(t *testing.T) {
	used := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && (name == "testdata" || name != ".." && strings.HasPrefix(name, ".")) {
			return fs.SkipDir
		}
		file := strings.TrimPrefix(filepath.ToSlash(path), "../")
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || filepath.Dir(file) == "ledger/durable" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, ok := selector.X.(*ast.Ident)
			if !ok {
				return true
			}
			call := of.Name + "." + selector.Sel.Name
			if why, ok := onlyDurable[call]; ok {
				used[file] = true
				if exempt[file] == "" {
					t.Errorf("%s uses %s: use ledger/durable instead, because %s", file, call, why)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for file := range exempt {
		if !used[file] {
			t.Errorf("%s is exempt and needs it no more: take it out of the list", file)
		}
	}
}
