package ops

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// oldNames are identifiers that were replaced, or that somebody who knows the field and not
// this program would not understand, each with what to write. They are compared as whole
// names. With only, they are old in those packages alone.
var oldNames = []struct {
	names, write string
	only         []string
}{
	{names: "sight Sight", write: "readSide"},
	{names: "warden Warden", write: "viewRunner"},
	{names: "governor Governor", write: "limiter"},
	{names: "gate Gate", write: "backpressure"},
	{names: "Line", write: "worker", only: []string{"ledger/countersign/…"}},
	{names: "custodian", write: "disclosureStore"},
	{names: "shelf Shelf", write: "blobIndex"},
	{names: "Lane", write: "recorderQueue"},
	{names: "Bearing", write: "Scope"},
	{names: "Estate estate", write: "registrySnapshot"},
	{names: "Seat", write: "memberAuthority"},
	{names: "Desk", write: "operatorClient"},
	{names: "docket Docket", write: "productionOrders"},
	{names: "Trail", write: "sequenceTracker"},
	{names: "Book", write: "findingsWriter"},
	{names: "Brief", write: "defaultColumns"},
	{names: "Spare", write: "collapsibleColumns"},
	{names: "hammer Hammer", write: "bench"},
	{names: "ordeal Ordeal", write: "attackResult"},
	{names: "suffer Suffer", write: "runAttack"},
	{names: "yardstick Yardstick yardsticks Yardsticks", write: "baselines"},
}

// goFiles parses every Go file of ours, by its path from the root.
func goFiles(t *testing.T, visit func(name string, fset *token.FileSet, file *ast.File)) {
	t.Helper()
	fset, files := token.NewFileSet(), 0
	for _, layer := range layers {
		err := filepath.WalkDir(filepath.Join("..", layer), func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "testdata":
				return fs.SkipDir
			case d.IsDir() || filepath.Ext(name) != ".go":
				return nil
			}
			file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel("..", name)
			if err != nil {
				return err
			}
			files++
			visit(filepath.ToSlash(rel), fset, file)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 200 {
		t.Fatalf("%d Go files were found", files)
	}
}

// declared returns the names that a file declares: its package, types, functions,
// methods, fields, parameters, constants and variables.
func declared(file *ast.File) []*ast.Ident {
	names := []*ast.Ident{file.Name}
	add := func(expressions ...ast.Expr) {
		for _, e := range expressions {
			if id, ok := e.(*ast.Ident); ok {
				names = append(names, id)
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			add(n.Name)
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.ValueSpec:
			names = append(names, n.Names...)
		case *ast.Field:
			names = append(names, n.Names...)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				add(n.Lhs...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				add(n.Key, n.Value)
			}
		}
		return true
	})
	return names
}

// TestNames keeps old identifiers from coming back.
func TestNames(t *testing.T) {
	goFiles(t, func(name string, fset *token.FileSet, file *ast.File) {
		dir := path.Dir(name)
		for _, id := range declared(file) {
			for _, old := range oldNames {
				if slices.Contains(strings.Fields(old.names), id.Name) && (old.only == nil || anyWithin(dir, old.only)) {
					t.Errorf("%s:%d: %s is an old name: write %s", name, fset.Position(id.Pos()).Line, id.Name, old.write)
				}
			}
		}
	})
}

// coined are phrases that must be read twice, with what to write instead. They must not
// stand in what people read: help, errors, logs, descriptions and pages.
var coined = []struct{ phrase, write string }{
	{`of which it is\b`, "the thing first: \"the ledger of this file\""},
	{`whose word\b`, "who states it"},
	{`in vain\b`, "rejected, or without effect"},
	{`(take|takes|took|taken|taking) the place of\b`, "replaces, or succeeds"},
	{`whose place\b`, "which it replaces, or succeeds"},
	{`that there is none of\b`, "that is missing"},
	{`nobody whom\b`, "not a party that …"},
	{`the tree before\b`, "the predecessor"},
	{`(sworn|swears?|swearing) (to|that|no|how)\b`, "attest"},
	{`said before\b`, "repeated, or accepted before"},
	{`whosever\b`, "of any …"},
	{`(governor|warden|docket|ordeal|yardstick|hammer)s?\b`, "the word of docs/glossary.md"},
}

// oldPages are pages that wait to be rewritten: they may have coined phrases, and need not
// begin with who they are for. A page leaves the list when it is rewritten; none is added.
var oldPages = []string{
	"SECURITY.md", "docs/broker.md", "docs/evidence.md", "docs/faults.md", "docs/formats.md", "docs/hostile.md", "docs/mandates.md",
	"docs/monitor.md", "docs/offline.md", "docs/orders.md", "docs/parsing.md", "docs/persons.md", "docs/recovery.md", "docs/time.md", "docs/witness.md",
}

// oldDirs are directories whose texts wait to be rewritten; none is added.
var oldDirs = []string{"cmd/saksi"}

// TestPhrases keeps coined phrases out of what the program prints, and out of pages.
func TestPhrases(t *testing.T) {
	var find []*regexp.Regexp
	for _, c := range coined {
		find = append(find, regexp.MustCompile(`(?i)\b`+strings.ReplaceAll(c.phrase, " ", `\s+`)))
	}
	check := func(text string, report func(at int, found, write string)) {
		for i, f := range find {
			for _, at := range f.FindAllStringIndex(text, -1) {
				report(at[0], text[at[0]:at[1]], coined[i].write)
			}
		}
	}
	for name, text := range pages(t) {
		n := 0
		check(text, func(at int, found, write string) {
			n++
			if !slices.Contains(oldPages, name) {
				t.Errorf("%s:%d: %q is not plain English: write %s", name, 1+strings.Count(text[:at], "\n"), found, write)
			}
		})
		switch begins, old := strings.Contains(text, "\n\nThis page is for "), slices.Contains(oldPages, name); {
		case old && n == 0 && begins:
			t.Errorf("%s is rewritten: take it out of oldPages", name)
		case !old && !begins:
			t.Errorf("%s does not begin with a paragraph \"This page is for …\" that says who needs it and what they can do after reading it", name)
		}
	}
	goFiles(t, func(name string, fset *token.FileSet, file *ast.File) {
		if strings.HasSuffix(name, "_test.go") || slices.Contains(oldDirs, path.Dir(name)) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if _, ok := n.(*ast.ImportSpec); ok {
				return false
			}
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			check(text, func(_ int, found, write string) {
				t.Errorf("%s:%d: %q is not plain English: write %s", name, fset.Position(literal.Pos()).Line, found, write)
			})
			return true
		})
	})
}

// TestPackageComments holds every package to one comment, which says in its first
// sentence what is in the package, and in a paragraph that begins with "Not here:" what
// must not be.
func TestPackageComments(t *testing.T) {
	comments := map[string][]string{}
	goFiles(t, func(name string, _ *token.FileSet, file *ast.File) {
		dir := path.Dir(name)
		if strings.HasSuffix(name, "_test.go") || slices.Contains(oldDirs, dir) {
			return
		}
		if _, ok := comments[dir]; !ok {
			comments[dir] = nil // there is such a package
		}
		if file.Doc != nil {
			comments[dir] = append(comments[dir], file.Doc.Text())
		}
	})
	for dir, found := range comments {
		if len(found) != 1 {
			t.Errorf("%s has %d package comments: want one", dir, len(found))
			continue
		}
		paragraphs := strings.Split(found[0], "\n\n")
		first, _, _ := strings.Cut(strings.ReplaceAll(paragraphs[0], "\n", " "), ". ")
		if !strings.HasPrefix(first, "Package "+path.Base(dir)+" ") && !strings.HasPrefix(first, "Command "+path.Base(dir)+" ") {
			t.Errorf("%s: the package comment begins with %q: want what is in the package", dir, first)
		}
		if len(first) > 220 {
			t.Errorf("%s: the first sentence of the package comment has %d characters: at most 220", dir, len(first))
		}
		if !slices.ContainsFunc(paragraphs, func(p string) bool { return strings.HasPrefix(p, "Not here: ") }) {
			t.Errorf("%s: the package comment has no paragraph that begins with \"Not here: \" and says what must not be in the package", dir)
		}
	}
}
