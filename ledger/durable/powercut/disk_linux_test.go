package powercut_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/durable/powercut"
)

// The disk proves its worth first: what was fsynced is there after a cut, and what was not
// is gone.
func TestPowerCutIsOne(t *testing.T) {
	d := powercut.NewDisk(t)
	kept, lost, whole := filepath.Join(d.Dir, "kept"), filepath.Join(d.Dir, "lost"), filepath.Join(d.Dir, "whole")
	f, err := os.Create(kept)
	must(t, err)
	_, err = f.WriteString("fsynced")
	dir, openErr := os.Open(d.Dir)
	must(t, errors.Join(err, f.Sync(), f.Close(), openErr))
	must(t, errors.Join(dir.Sync(), dir.Close(), durable.WriteFile(whole, []byte("durable"), 0o600), os.WriteFile(lost, []byte("not fsynced"), 0o600)))
	d.Cut()
	d.On()
	if text, err := os.ReadFile(kept); err != nil || string(text) != "fsynced" {
		t.Errorf("what was fsynced: %q, %v", text, err)
	}
	if text, err := os.ReadFile(whole); err != nil || string(text) != "durable" {
		t.Errorf("what was written by package durable: %q, %v", text, err)
	}
	if text, err := os.ReadFile(lost); err == nil && len(text) > 0 {
		t.Errorf("what was not fsynced survived: %q: nothing is proven by cutting this disk's power", text)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
