package main

import (
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/publish"
)

// TestExternalBroker runs the node on a stock nats-server that was started
// separately, and kills that in the middle of a flush.
func TestExternalBroker(t *testing.T) {
	var server *exec.Cmd
	var address, config, store string
	natsServer := filepath.Join(t.TempDir(), "nats-server")
	start := func() {
		server = exec.Command(natsServer, "-c", config)
		must(t, server.Start())
		deadline := time.Now().Add(time.Minute)
		for time.Now().Before(deadline) {
			if c, err := net.Dial("tcp", address); err == nil {
				c.Close()
				return
			}
			pause(20 * time.Millisecond)
		}
		t.Fatal("nats-server did not come up")
	}
	t.Cleanup(func() {
		if server != nil {
			server.Process.Kill()
			server.Wait()
		}
	})
	w := newCrashWorld(t, func(w *crashWorld) []string {
		if out, err := exec.Command("go", "build", "-o", natsServer, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
			t.Fatalf("build nats-server: %v\n%s", err, out)
		}
		free, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		address = free.Addr().String()
		free.Close()
		store = t.TempDir()
		config = filepath.Join(t.TempDir(), "nats.conf")
		if out, err := exec.Command(w.binary, "broker", "config", "--home", w.dir, "-o", config,
			"--listen", address, "--store", store).CombinedOutput(); err != nil {
			t.Fatalf("broker config: %v\n%s", err, out)
		}
		start()
		return []string{"--nats", "nats://" + address, "--http-listen", "127.0.0.1:0"}
	})
	w.add(2000)
	flushed := make(chan error, 1)
	go func() {
		_, err := w.client.Flush(testContext(t, 2*time.Minute), w.outbox, publish.FlushOptions{})
		flushed <- err
	}()
	pause(100 * time.Millisecond)
	server.Process.Signal(syscall.SIGKILL)
	server.Wait()
	start()
	must(t, <-flushed)
	w.check()

	// It comes back without its end, and the node runs on.
	server.Process.Signal(syscall.SIGKILL)
	server.Wait()
	cutTail(t, store, true)
	start()
	w.add(20)
	w.flush()
	if report := w.check(); report.Epochs != 2 {
		t.Errorf("%d epochs: the lost tail should have opened a second\n%s", report.Epochs, w.nodeLog)
	}
}
