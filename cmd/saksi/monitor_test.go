package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// TestMonitorKilled kills a monitor and what copies a ledger with -9 at any moment: each
// goes on from what it has, finds nothing wrong with an honest ledger, and finds a fork.
func TestMonitorKilled(t *testing.T) {
	slowtest.Skip(t, "kills a monitor in a loop")
	tmp := t.TempDir()
	binary := program(t)
	w := readertest.New(t)
	w.Grow(1500)
	honest := w.Forger(1500)
	server := httptest.NewServer(honest)
	defer server.Close()
	trust, err := json.Marshal(&verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{w.Trusted}})
	must(t, err)
	trustFile, seen, kept := filepath.Join(tmp, "trust.json"), filepath.Join(tmp, "seen"), filepath.Join(tmp, "copy")
	must(t, os.WriteFile(trustFile, trust, 0o600))
	monitor := []string{"monitor", "--trust", trustFile, "--dir", seen, "--every", "1ms"}
	mirror := []string{"mirror", "--trust", trustFile, "--dir", kept, "--listen", "127.0.0.1:0", "--every", "1ms"}

	// The tree grows all the time, and stops within a round.
	var size atomic.Uint64
	size.Store(1)
	rounds := crashRounds()
	for round := range rounds {
		var running []*exec.Cmd
		for _, args := range [][]string{monitor, mirror} {
			cmd := exec.Command(binary, append(args, server.URL)...)
			must(t, cmd.Start())
			running = append(running, cmd)
		}
		until := time.After(time.Duration(40+53*round%160) * time.Millisecond)
		tick := time.NewTicker(time.Millisecond)
		for alive := true; alive; {
			select {
			case <-until:
				alive = false
			case <-tick.C:
				if n := size.Load(); n < 1400 {
					size.Store(n + 1)
				}
				honest.Show(size.Load())
			}
		}
		tick.Stop()
		for _, cmd := range running {
			cmd.Process.Signal(syscall.SIGKILL)
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Errorf("round %d: %s ended by itself: %v", round, cmd.Args[1], err)
			}
		}
	}
	run := func(status int, args ...string) string {
		t.Helper()
		out, err := exec.Command(binary, args...).CombinedOutput()
		got := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			got = exit.ExitCode()
		}
		if got != status {
			t.Errorf("saksi %s: exit status %d, want %d:\n%s", strings.Join(args, " "), got, status, out)
		}
		return string(out)
	}
	honest.Show(1450)
	run(0, append(monitor, "--once", server.URL)...)
	run(0, "mirror", "--trust", trustFile, "--dir", kept, "--once", server.URL)
	if out := run(0, "audit", "--trust", trustFile, kept); !strings.Contains(out, "What could be checked holds") {
		t.Errorf("the copy: %s", out)
	}
	forked := httptest.NewServer(honest.Fork(700, 1500))
	defer forked.Close()
	run(3, append(monitor, "--once", forked.URL)...)
	run(3, "mirror", "--trust", trustFile, "--dir", kept, "--once", forked.URL)
	for _, pattern := range []string{filepath.Join(seen, "*", "fork-*"), filepath.Join(kept, "fork-*")} {
		proofs, err := filepath.Glob(pattern)
		if err != nil || len(proofs) != 1 {
			t.Errorf("%s: %v, %v", pattern, proofs, err)
			continue
		}
		run(0, "verify", "--trust", trustFile, proofs[0])
	}

	// Leaves out of order, and nothing else wrong.
	swapped := slices.Clone(honest.Leaves)
	swapped[10], swapped[11] = swapped[11], swapped[10]
	disordered := httptest.NewServer(readertest.NewForger(t, w.LogKey, swapped))
	defer disordered.Close()
	ordered := filepath.Join(tmp, "ordered")
	out := run(3, "monitor", "--trust", trustFile, "--dir", ordered, "--once", disordered.URL)
	proofs, err := filepath.Glob(filepath.Join(ordered, "*", "order-*.saksi-order"))
	if err != nil || len(proofs) != 1 || !strings.Contains(out, "hint: show "+proofs[0]) {
		t.Fatalf("%v, %v:\n%s", proofs, err, out)
	}
	if out := run(0, "verify", "--trust", trustFile, proofs[0]); !strings.Contains(out, "not in the order of the stream: leaf 11 has the stream sequence 10 after 11.") {
		t.Error(out)
	}
	run(0, "verify", "--trust", trustFile, "--format", "json", proofs[0])
	b, err := os.ReadFile(proofs[0])
	must(t, err)
	must(t, os.WriteFile(proofs[0], bytes.Replace(b, []byte("v1\n11\n"), []byte("v1\n12\n"), 1), 0o600))
	if out := run(3, "verify", "--trust", trustFile, proofs[0]); !strings.Contains(out, "does not hold: proof of a broken order: ") {
		t.Error(out)
	}
}
