package main

import (
	"io"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
)

// TestCommands holds every command to what all have: a section of the help, a line that
// says what it does, examples that parse, and an environment variable for each flag.
func TestCommands(t *testing.T) {
	p := newProgram(strings.NewReader(""), io.Discard, io.Discard)
	for _, problem := range p.Problems() {
		t.Error(problem)
	}
	// Each of these would be found.
	bind := func(in *struct{ home string }, f *cmdline.Flags) {
		f.String(&in.home, "home", "a `DIRECTORY`").Required()
	}
	broken := *p
	broken.Commands = append([]cmdline.Command{}, cmdline.New(cmdline.Command{
		Path: "rule list", Summary: "List rules.", Examples: []string{"saksi rule list", "saksi rule lst --home a"},
	}, bind, nil))
	all := strings.Join(broken.Problems(), "\n")
	for _, want := range []string{
		"saksi rule list is in no section of the help: set its Roles",
		`saksi rule list is below the noun "rule": say in Nouns`,
		"saksi rule list wants a Summary",
		`the example "saksi rule lst --home a" of saksi rule list doesn't parse: there is no command "rule lst"`,
		`the example "saksi rule list" of saksi rule list lacks --home`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}
