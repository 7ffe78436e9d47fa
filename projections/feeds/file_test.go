package feeds_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/projections/feeds"
)

// A file cut off at any byte goes on after its last whole line.
func TestFileCutAnywhere(t *testing.T) {
	t.Parallel()
	w := started(t)
	w.publishTo(newHistory(6), nil)
	messages := w.follow("touches", feeds.Mark{}, 5, nil)
	path := filepath.Join(t.TempDir(), "touches.jsonl")
	f, err := feeds.OpenFile(path, "touches")
	must(t, err)
	must(t, f.Append(messages))
	must(t, f.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	for n := range len(whole) + 1 {
		must(t, os.WriteFile(path, whole[:n], 0o600))
		f, err := feeds.OpenFile(path, "touches")
		if err != nil {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
		lines := bytes.Count(whole[:n], []byte("\n"))
		if got := f.Last().Change; got != uint64(lines) {
			t.Fatalf("cut after %d bytes: last is %d, want %d", n, got, lines)
		}
		must(t, f.Append(messages[lines:]))
		must(t, f.Close())
		if again, _ := os.ReadFile(path); !bytes.Equal(again, whole) {
			t.Fatalf("cut after %d bytes and gone on, the file is\n%s", n, again)
		}
	}
}

// A file of something else stays as it is.
func TestFileOfSomethingElse(t *testing.T) {
	t.Parallel()
	event := `{"specversion":"1.0","id":"sessions/1/1","data":{"change":1}}`
	for what, text := range map[string]string{
		"text":                     "dear diary\n",
		"text without a line feed": "dear diary",
		"another view":             event + "\n",
		"another view, cut":        event[:40],
		"a number that is not":     `{"specversion":"1.0","id":"touches/1/2","data":{"change":1}}` + "\n",
		"a feed, then text":        `{"specversion":"1.0","id":"touches/1/2","data":{"change":2}}` + "\nnotes",
		"an empty line":            "\n",
	} {
		path := filepath.Join(t.TempDir(), "f")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if _, err := feeds.OpenFile(path, "touches"); err == nil {
			t.Errorf("%s was taken", what)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%s was changed to %q", what, after)
		}
	}
	if _, err := feeds.OpenFile(t.TempDir(), "touches"); err == nil {
		t.Error("a directory was taken")
	}
}
