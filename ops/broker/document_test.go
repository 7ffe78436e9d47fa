package broker_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the tables of docs/broker.md")

// docs/broker.md has the tables that TestPublishTable and TestSubscribeTable try, cell by
// cell: it says what they found.
func TestDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "broker.md")
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- tables: go test ./ops/broker -run TestDocument -update -->\n", "<!-- end of tables -->\n"
	before, rest, ok := bytes.Cut(have, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !ok || !ended {
		t.Fatalf("%s has no place for the tables", path)
	}
	var want bytes.Buffer
	want.Write(before)
	want.WriteString(begin)
	want.WriteString("\n## Publish or request\n\n")
	table(&want, publishSubjects, func(i int) ([]string, []string) { return allowed[i].publish, allowed[i].quiet })
	want.WriteString("\n## Subscribe\n\n")
	table(&want, subscribeSubjects, func(i int) ([]string, []string) { return allowed[i].subscribe, nil })
	want.WriteString("\n" + end)
	want.Write(after)
	if *update {
		if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(have, want.Bytes()) {
		t.Errorf("%s does not say what is tried: go test ./ops/broker -run TestDocument -update writes it", path)
	}
}

// table writes a row for each subject, and a column for each role.
func table(b *bytes.Buffer, subjects []string, of func(int) (yes, quiet []string)) {
	b.WriteString("| subject |")
	for i := range allowed {
		fmt.Fprintf(b, " %s |", allowed[i].role[0])
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(allowed)) + "\n")
	for _, subject := range subjects {
		fmt.Fprintf(b, "| `%s` |", subject)
		for i := range allowed {
			yes, quiet := of(i)
			switch {
			case slices.Contains(yes, subject):
				b.WriteString(" yes |")
			case slices.Contains(quiet, subject):
				b.WriteString(" nowhere |")
			default:
				b.WriteString(" – |")
			}
		}
		b.WriteString("\n")
	}
}
