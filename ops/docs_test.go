package ops

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite what is made from the code in docs/architecture.md")

// pages returns the Markdown pages in the root and in docs, by their paths from the root.
func pages(t *testing.T) map[string]string {
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			rel, err := filepath.Rel("..", name)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.ToSlash(rel)] = string(text)
		}
	}
	if len(all) < 15 {
		t.Fatalf("there are %d pages in the root and in docs", len(all))
	}
	return all
}

// TestReadmeIsShort holds the README to 120 lines of 120 characters.
func TestReadmeIsShort(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(pages(t)["README.md"], "\n"), "\n")
	if len(lines) > 120 {
		t.Errorf("README.md has %d lines: at most 120; move what not everybody needs to a page in docs", len(lines))
	}
	for i, line := range lines {
		if n := utf8.RuneCountInString(line); n > 120 {
			t.Errorf("README.md:%d has %d characters: at most 120", i+1, n)
		}
	}
}

var (
	pageLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
	fenced   = regexp.MustCompile("(?ms)^```.*?^```")
	inline   = regexp.MustCompile("`[^`\n]*`")
	label    = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchors returns the names of a page's headings, as GitHub makes them.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(label.ReplaceAllString(m[1], "$1")))
		for i, base := 1, name; names[name]; i++ {
			name = fmt.Sprintf("%s-%d", base, i)
		}
		names[name] = true
	}
	return names
}

// TestLinks follows every link in a page to another file of the repository, and to the
// heading that it names.
func TestLinks(t *testing.T) {
	all, links := pages(t), 0
	for page, text := range all {
		text = inline.ReplaceAllString(fenced.ReplaceAllString(text, ""), "")
		for _, m := range pageLink.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(page), file))
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s links to %s: there is no such file", page, m[1])
				continue
			}
			if anchor != "" && !anchors(all[target])[anchor] {
				t.Errorf("%s links to %s: %s has no such heading", page, m[1], target)
			}
		}
	}
	if links < 50 {
		t.Errorf("%d links were found", links)
	}
}

// TestDocsIndex holds docs/README.md to naming every page.
func TestDocsIndex(t *testing.T) {
	index := pages(t)["docs/README.md"]
	named := map[string]bool{}
	for _, m := range pageLink.FindAllStringSubmatch(index, -1) {
		file, _, _ := strings.Cut(m[1], "#")
		named[filepath.ToSlash(filepath.Join("docs", file))] = true
	}
	entries, err := os.ReadDir(filepath.Join("..", "docs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := "docs/" + e.Name()
		if filepath.Ext(name) == ".svg" || name == "docs/README.md" {
			continue // pictures belong to their pages
		}
		if !named[name] {
			t.Errorf("docs/README.md does not name %s: add it under each role that needs it", name)
		}
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "NEWS.md"} {
		if !named[name] {
			t.Errorf("docs/README.md does not name %s", name)
		}
	}
	for _, role := range []string{"Regulator", "Operator", "Auditor", "Customer", "Who runs it", "Developer"} {
		if !strings.Contains(index, "\n## "+role+"\n") {
			t.Errorf("docs/README.md has no section %q", role)
		}
	}
}

// TestGlossary holds the glossary to one entry for each word, in order, and its second
// table to words of the first.
func TestGlossary(t *testing.T) {
	ours, theirs, ok := strings.Cut(pages(t)["docs/glossary.md"], "\n## Words that you may know\n")
	if !ok {
		t.Fatal("docs/glossary.md has no section \"Words that you may know\"")
	}
	var words []string
	for _, row := range tableRows(ours) {
		word, begins := strings.CutPrefix(row[0], "**")
		word, ends := strings.CutSuffix(word, "**")
		if !begins || !ends || len(row) != 3 || row[1] == "" || row[2] == "" {
			t.Errorf("docs/glossary.md: a row is not **word**, meaning, elsewhere: %q", row)
		}
		words = append(words, strings.ToLower(word))
	}
	if !slices.IsSorted(words) {
		t.Error("docs/glossary.md: the words are not in the order of the alphabet")
	}
	for i := 1; i < len(words); i++ {
		if words[i] == words[i-1] {
			t.Errorf("docs/glossary.md has %q twice", words[i])
		}
	}
	for _, must := range []string{"envelope", "leaf", "receipt", "checkpoint", "witness", "cosignature", "anchor", "mandate", "recorder",
		"incarnation", "epoch", "outbox", "grant", "finding", "touch", "evidence", "disclosure", "pseudonym", "manifest"} {
		if !slices.Contains(words, must) {
			t.Errorf("docs/glossary.md does not explain %q", must)
		}
	}
	seen := map[string]bool{}
	for _, row := range tableRows(theirs) {
		if len(row) != 3 || seen[strings.ToLower(row[0])] {
			t.Errorf("docs/glossary.md: a row is there twice, or is not word, where, ours: %q", row)
			continue
		}
		seen[strings.ToLower(row[0])] = true
		if !slices.Contains(words, strings.ToLower(strings.Trim(row[2], "*"))) {
			t.Errorf("docs/glossary.md: %q is said to be our %s, which is not explained", row[0], row[2])
		}
	}
	if len(words) < 40 || len(seen) < 20 {
		t.Errorf("docs/glossary.md has %d words of ours, and %d of others", len(words), len(seen))
	}
}

// tableRows returns the cells of the rows of all tables in a text, without their heads.
func tableRows(text string) [][]string {
	var rows [][]string
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|---") {
			continue
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	return rows
}

// packageDoc is one of our packages, and the first sentence of its comment.
type packageDoc struct{ name, doc string }

// packageDocs lists our packages in the order of the rooms, from the ground up.
func packageDocs(t *testing.T) []packageDoc {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command to list packages with")
	}
	out, err := exec.CommandContext(t.Context(), goTool, "list", "-buildvcs=false", "-json=ImportPath,Doc", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []packageDoc
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p struct{ ImportPath, Doc string }
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if name, ok := ours(p.ImportPath); ok && name != "ops" {
			all = append(all, packageDoc{name, p.Doc})
		}
	}
	slices.SortStableFunc(all, func(a, b packageDoc) int {
		if by := layerOf(a.name) - layerOf(b.name); by != 0 {
			return by
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

// TestArchitecture compares the table of packages in docs/architecture.md with the
// package comments, and the packages that its text and its picture name with go list.
func TestArchitecture(t *testing.T) {
	const page, picture, mark = "../docs/architecture.md", "../docs/architecture.svg", "<!-- packages: go test ./ops -run TestArchitecture -update -->\n"
	packages := packageDocs(t)
	table := "\n| package | what is in it |\n|---|---|\n"
	for _, p := range packages {
		does := regexp.MustCompile(`^(Package|Command) \S+ `).ReplaceAllString(p.doc, "")
		table += fmt.Sprintf("| `%s` | %s |\n", p.name, strings.TrimSuffix(does, "."))
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("docs/architecture.md does not have the line %s", mark)
	}
	if after != table {
		if *update {
			if err := os.WriteFile(page, []byte(before+mark+table), 0o644); err != nil {
				t.Fatal(err)
			}
		} else {
			t.Error("the table of packages in docs/architecture.md is not what the package comments say: go test ./ops -run TestArchitecture -update")
		}
	}
	known := func(name string) bool {
		return slices.ContainsFunc(packages, func(p packageDoc) bool { return p.name == name || strings.HasPrefix(p.name, name+"/") })
	}
	drawn, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:schemas|events|ledger|projections|ops|cmd)(?:/[a-z0-9-]+)*)`").FindAllStringSubmatch(before, -1)
	inPicture := regexp.MustCompile(`<text class="code"[^>]*>([^<]*)</text>`).FindAllStringSubmatch(string(drawn), -1)
	if len(named) < 10 || len(inPicture) < 10 {
		t.Fatalf("docs/architecture.md names %d packages, and its picture %d", len(named), len(inPicture))
	}
	broken := ""
	for _, m := range append(named, inPicture...) {
		name := broken + m[1]
		if broken = ""; strings.HasSuffix(name, "/") {
			broken = name // it goes on in the next line of the picture
			continue
		}
		if !known(name) {
			t.Errorf("docs/architecture.md or its picture names the package %s, which does not exist", name)
		}
	}
}
