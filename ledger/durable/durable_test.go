package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, text := range []string{"one", "another, longer", ""} {
		if err := durable.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		b, err := durable.ReadFile(path, int64(len(text)))
		if err != nil || string(b) != text {
			t.Errorf("%q is read as %q: %v", text, b, err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	// What can't be put in place leaves the old one, and nothing beside it.
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(filepath.Join(dir, "taken"), []byte("x"), 0o600); err == nil {
		t.Error("a directory was written over")
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("what is there: %v, %v", names, err)
	}
	if err := durable.WriteFile(filepath.Join(dir, "gone", "file"), nil, 0o600); err == nil {
		t.Error("a file was written into no directory")
	}
}

func TestReadFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 11), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.ReadFile(path, 10); err == nil {
		t.Error("11 bytes are taken for 10")
	}
	if _, err := durable.ReadFile("/dev/zero", 10); err == nil {
		t.Error("a file without end is read")
	}
}
