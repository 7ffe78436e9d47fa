package main

import (
	"bytes"
	"encoding/json"
	"index/suffixarray"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestNoPersonInTheLedger imports real logs into a node and looks in everything
// that it stores, leaves, bodies and the stream alike, for every name, ARN,
// e-mail address, IP address and access key of the input.
func TestNoPersonInTheLedger(t *testing.T) {
	logs := filepath.Join("..", "..", "..", "shared", "data", "cloudtrail")
	if _, err := os.Stat(logs); err != nil {
		t.Skip("there are no real logs in ../shared/data: nothing to look for")
	}
	w := newCrashWorld(t, nil)
	w.client.Close()
	must(t, w.outbox.Close())
	op := w.operator
	run := func(args ...string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := Main(t.Context(), append([]string{"saksi"}, args...), nil, &stdout, &stderr); code != 0 {
			t.Fatalf("saksi %q: exit %d\n%s%s", args, code, &stdout, &stderr)
		}
	}
	grant := filepath.Join(t.TempDir(), "grant.json")
	run("operator", "add", "--home", w.dir, "--country", "CN", "-o", grant, filepath.Join(op, "request.json"))
	run("join", "--home", op, grant)
	run("import", "--home", op, "--recorder", "lab-1/bastion-1", "--party", "operator", "cloudtrail", logs)
	w.kill()

	values := personalValues(t, logs)
	if len(values) < 100 {
		t.Fatalf("only %d values to look for", len(values))
	}
	stored, files := 0, 0
	for _, dir := range []string{w.home.LedgerDir(), w.home.StreamDir()} {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			stored += len(content)
			index := suffixarray.New(content) // for thousands of values
			for value := range values {
				if len(index.Lookup([]byte(value), 1)) > 0 {
					t.Errorf("%q stands in %s", value, path)
				}
			}
			return nil
		}))
	}
	t.Logf("looked for %d values in %d files, %d bytes", len(values), files, stored)
	if stored < 3210*1000 {
		t.Fatalf("only %d bytes are stored: the import is not there", stored)
	}
}

var personalShapes = []*regexp.Regexp{
	regexp.MustCompile(`arn:aws[a-z-]*:[^"\s]+`),
	regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b`),
	regexp.MustCompile(`\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b`),
	regexp.MustCompile(`\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b`),
}

// personalValues collects, without the connector's help, what must not be found.
func personalValues(t *testing.T, dir string) map[string]bool {
	values := map[string]bool{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		content, err := io.ReadAll(f)
		if err != nil {
			return err
		}
		for _, shape := range personalShapes {
			for _, value := range shape.FindAll(content, -1) {
				values[string(value)] = true
			}
		}
		var parsed any
		must(t, json.Unmarshal(content, &parsed))
		collectNames(parsed, values)
		return nil
	}))
	return values
}

// collectNames takes the names and identifiers of principals.
func collectNames(v any, values map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			text, ok := member.(string)
			switch name {
			case "userName", "principalId", "accessKeyId", "accountId":
				// Below five letters, and with words that stand in our own
				// vocabulary, a find would say nothing.
				if ok && len(text) >= 5 && text != "admin" {
					values[text] = true
				}
			}
			collectNames(member, values)
		}
	case []any:
		for _, member := range v {
			collectNames(member, values)
		}
	}
}
