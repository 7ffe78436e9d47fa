package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

var vectors = filepath.Join("..", "..", "ledger", "verify", "testdata", "evidence")

// TestVectors runs the program as people do, on every vector.
func TestVectors(t *testing.T) {
	for _, dir := range []string{"evidence", "forks", "orders"} {
		runVectors(t, filepath.Join("..", "..", "ledger", "verify", "testdata", dir))
	}

	trust := filepath.Join(vectors, "trust.json")
	var stdout, stderr bytes.Buffer
	if status := run([]string{"-trust", trust, "-format", "json", filepath.Join(vectors, "good.saksi")}, &stdout, &stderr); status != exitDone {
		t.Fatalf("status %d, %s", status, stderr.String())
	}
	var s verify.Statement
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil || len(s.Records) != 1 || s.Records[0].Leaf != 4 {
		t.Errorf("%+v, %v", s, err)
	}
}

func runVectors(t *testing.T, vectors string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Trust   string
		Vectors []struct {
			File, Says, Trust string
			Proven            []string
		}
	}
	if err := json.Unmarshal(text, &all); err != nil || len(all.Vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(all.Vectors), err)
	}
	trust := filepath.Join(vectors, all.Trust)
	for _, v := range all.Vectors {
		var stdout, stderr bytes.Buffer
		trust := trust
		if v.Trust != "" {
			trust = filepath.Join(vectors, v.Trust)
		}
		status := run([]string{"-trust", trust, filepath.Join(vectors, v.File)}, &stdout, &stderr)
		switch {
		case v.Says == "" && (status != exitDone || stderr.Len() > 0):
			t.Errorf("%s: status %d, %s", v.File, status, stderr.String())
		case strings.Contains(v.Says, "names no ledger"):
			if status != exitFailed || stdout.Len() > 0 || !strings.Contains(stderr.String(), "the trust file doesn't name its ledger \"other.example/log\"") {
				t.Errorf("%s: status %d, %s%s", v.File, status, stdout.String(), stderr.String())
			}
		case v.Says != "" && (status != exitDoesNotHold || stdout.Len() > 0 || !strings.HasSuffix(stderr.String(), "does not hold: "+v.Says+"\n")):
			t.Errorf("%s: status %d, %s%s", v.File, status, stdout.String(), stderr.String())
		}
		for _, sentence := range v.Proven {
			if !strings.Contains(stdout.String(), "\n  "+sentence+"\n") {
				t.Errorf("%s: it does not say %q:\n%s", v.File, sentence, stdout.String())
			}
		}
	}
}

func TestRecords(t *testing.T) {
	trust := filepath.Join(vectors, "trust.json")
	for file, there := range map[string]bool{"good.saksi": true, "cut-short.saksi": false} {
		var stdout, stderr bytes.Buffer
		records := filepath.Join(t.TempDir(), "records.jsonl")
		status := run([]string{"-trust", trust, "-records", records, filepath.Join(vectors, file)}, &stdout, &stderr)
		text, err := os.ReadFile(records)
		if (status == exitDone) != there || (err == nil) != there || there && !strings.HasPrefix(string(text), `{"leaf":4,`) {
			t.Errorf("%s: status %d, %s, %q, %v", file, status, stderr.String(), text, err)
		}
		if left, err := os.ReadDir(filepath.Dir(records)); err != nil || !there && len(left) > 0 {
			t.Errorf("%s: %v, %v", file, left, err)
		}
	}
}

func TestUsage(t *testing.T) {
	good, trust := filepath.Join(vectors, "good.saksi"), filepath.Join(vectors, "trust.json")
	for _, row := range []struct {
		status int
		args   []string
	}{
		{exitDone, []string{"-h"}},
		{exitUsage, nil},
		{exitUsage, []string{good}},
		{exitUsage, []string{"-trust", trust}},
		{exitUsage, []string{"-trust", trust, good, good}},
		{exitUsage, []string{"-trust", trust, "-format", "yaml", good}},
		{exitUsage, []string{"-nonsense"}},
		{exitFailed, []string{"-trust", trust, "no such file"}},
		{exitFailed, []string{"-trust", "no such file", good}},
		{exitFailed, []string{"-trust", good, good}},
		{exitFailed, []string{"-trust", trust, trust}},
		{exitUsage, []string{"-trust", trust, "-force", "-records", good, good}},
		{exitUsage, []string{"-trust", trust, "-force", "-records", trust, good}},
		{exitFailed, []string{"-trust", trust, "-records", "main.go", good}},
	} {
		var stdout, stderr bytes.Buffer
		if status := run(row.args, &stdout, &stderr); status != row.status || stdout.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%q: status %d, %s%s", row.args, status, stdout.String(), stderr.String())
		}
	}
}

// What a bundle costs, process start aside: the target is 20 ms with it.
func BenchmarkVerify(b *testing.B) {
	for b.Loop() {
		var stdout, stderr bytes.Buffer
		if status := run([]string{"-trust", filepath.Join(vectors, "trust.json"), filepath.Join(vectors, "good.saksi")}, &stdout, &stderr); status != exitDone {
			b.Fatal(stderr.String())
		}
	}
}
