package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestPagesAreTheScripts holds each page with commands to the script that runs them:
// every command in the page's sh blocks stands in the script, in the same order, and
// every file that the page writes is the script's to the byte.
func TestPagesAreTheScripts(t *testing.T) {
	for _, page := range []struct {
		file, script string
		commands     int // at least
	}{
		{"README.md", "readme.txtar", 12},
		{"docs/tutorial.md", "tutorial.txtar", 25},
	} {
		t.Run(page.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page.file)))
			if err != nil {
				t.Fatal(err)
			}
			script, err := txtar.ParseFile(filepath.Join("testdata", "script", page.script))
			if err != nil {
				t.Fatal(err)
			}
			var run []string
			for line := range strings.Lines(string(script.Comment)) {
				if line, ok := strings.CutPrefix(strings.TrimSpace(line), "exec saksi "); ok {
					line, _, _ = strings.Cut(line, " &")
					run = append(run, line)
				}
			}
			files := map[string]string{}
			for _, f := range script.Files {
				files[f.Name] = string(f.Data)
			}
			commands, written := readPage(string(text))
			if len(commands) < page.commands {
				t.Errorf("there are %d commands in sh blocks: want at least %d", len(commands), page.commands)
			}
			for _, command := range commands {
				for len(run) > 0 && run[0] != command {
					run = run[1:]
				}
				if len(run) == 0 {
					t.Fatalf("%s does not run \"saksi %s\", or not in this order", page.script, command)
				}
				run = run[1:]
			}
			for name, text := range maps.All(written) {
				if files[name] != text {
					t.Errorf("%s writes %s as\n%s\n%s has it as\n%s", page.file, name, text, page.script, files[name])
				}
			}
		})
	}
}

// readPage returns the saksi commands in a page's sh blocks, without saksi and &, and
// the files that here documents in them write. One through tr -d loses its line feeds.
func readPage(text string) (commands []string, written map[string]string) {
	written = map[string]string{}
	inBlock, file, joined := false, "", false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch before, after, isDocument := strings.Cut(trimmed, "<<'END'"); {
		case file != "" && trimmed == "END":
			if joined {
				written[file] += "\n"
			}
			file = ""
		case file != "":
			if joined {
				line = strings.TrimSuffix(line, "\n")
			}
			written[file] += line
		case strings.HasPrefix(trimmed, "```"):
			inBlock = trimmed == "```sh"
		case !inBlock:
		case isDocument && after == "":
			joined = strings.HasPrefix(trimmed, "tr -d ")
			_, name, _ := strings.Cut(before, ">")
			file = strings.TrimSpace(name)
		default:
			if command, ok := strings.CutPrefix(trimmed, "saksi "); ok {
				commands = append(commands, strings.TrimSpace(strings.TrimSuffix(command, "&")))
			}
		}
	}
	return commands, written
}
