package main

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// TestExternalBroker runs the node on a stock nats-server that was started
// separately, and kills that in the middle of a flush.
func TestExternalBroker(t *testing.T) {
	slowtest.Skip(t, "builds nats-server and kills it")
	broker := &stockBroker{t: t}
	w := newCrashWorld(t, func(w *crashWorld) []string {
		broker.make(w)
		return []string{"--nats", "nats://" + broker.address, "--http-listen", "127.0.0.1:0"}
	})
	w.add(2000)
	flushed := make(chan error, 1)
	go func() {
		_, err := w.client.Flush(testContext(t, 5*time.Minute), w.outbox, client.FlushOptions{})
		flushed <- err
	}()
	pause(100 * time.Millisecond)
	broker.kill()
	broker.start()
	must(t, <-flushed)
	w.check()

	// It comes back without its end, and the node runs on.
	broker.kill()
	cutTail(t, broker.store, true)
	broker.start()
	w.add(20)
	w.flush()
	if report := w.check(); report.Epochs != 2 {
		t.Errorf("%d epochs: the lost tail should have opened a second\n%s", report.Epochs, w.nodeLog)
	}

	// While it is away, doctor says so, and when it is back that all is well.
	broker.kill()
	w.doctor(1, "it has not answered since")
	w.add(20)
	broker.start()
	w.flush()
	w.doctor(0, "0 messages have no leaf yet")
}

// doctor waits until saksi doctor ends with a status and says something.
func (w *crashWorld) doctor(status int, says string) {
	w.t.Helper()
	var out []byte
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); pause(200 * time.Millisecond) {
		cmd := exec.Command(w.binary, "doctor", "--home", w.dir)
		out, _ = cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() == status && strings.Contains(string(out), says) {
			return
		}
	}
	w.t.Fatalf("doctor does not say %q:\n%s", says, out)
}

// stockBroker is a nats-server that runs as a process of its own.
type stockBroker struct {
	t                      *testing.T
	program, config, store string
	address                string
	server                 *exec.Cmd
}

// make builds and configures it, and starts it.
func (b *stockBroker) make(w *crashWorld) {
	b.t.Helper()
	b.program = filepath.Join(b.t.TempDir(), "nats-server")
	if out, err := exec.Command("go", "build", "-o", b.program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		b.t.Fatalf("build nats-server: %v\n%s", err, out)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	must(b.t, err)
	b.address = free.Addr().String()
	free.Close()
	b.store = b.t.TempDir()
	b.config = filepath.Join(b.t.TempDir(), "nats.conf")
	if out, err := exec.Command(w.binary, "broker", "config", "--home", w.dir, "-o", b.config,
		"--listen", b.address, "--store", b.store).CombinedOutput(); err != nil {
		b.t.Fatalf("broker config: %v\n%s", err, out)
	}
	b.t.Cleanup(b.kill)
	b.start()
}

func (b *stockBroker) start() {
	b.t.Helper()
	b.server = exec.Command(b.program, "-c", b.config)
	must(b.t, b.server.Start())
	deadline := time.Now().Add(5 * time.Minute)
	for time.Now().Before(deadline) {
		if c, err := net.Dial("tcp", b.address); err == nil {
			c.Close()
			return
		}
		pause(20 * time.Millisecond)
	}
	b.t.Fatal("nats-server did not come up")
}

func (b *stockBroker) kill() {
	if b.server != nil {
		b.server.Process.Signal(syscall.SIGKILL)
		b.server.Wait()
		b.server = nil
	}
}

// hole is a network between the node and the broker that can fail as networks do: nothing
// passes any more, and nobody says that a connection has ended.
type hole struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	silent   bool
	hungUp   int // connections that the node has given up
}

func newHole(t *testing.T, to string) *hole {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h := &hole{listener: l, to: to}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go h.connect(c)
		}
	}()
	return h
}

func (h *hole) connect(c net.Conn) {
	defer c.Close()
	out, err := net.Dial("tcp", h.to)
	if err != nil {
		return
	}
	defer out.Close()
	lost := &sync.Once{} // what began to fail stays so
	dead := make(chan struct{})
	pass := func(to, from net.Conn) {
		b := make([]byte, 64<<10)
		for {
			n, err := from.Read(b)
			if err != nil {
				break
			}
			h.mu.Lock()
			if h.silent {
				lost.Do(func() { close(dead) })
			}
			h.mu.Unlock()
			select {
			case <-dead:
				continue
			default:
			}
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
		}
		if from == c {
			h.mu.Lock()
			h.hungUp++
			h.mu.Unlock()
		}
		select {
		case <-dead: // the other end hears nothing of it
		default:
			to.Close()
		}
	}
	done := make(chan struct{})
	go func() { pass(c, out); close(done) }()
	pass(out, c)
	out.Close()
	<-done
}

func (h *hole) set(silent bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silent, h.hungUp = silent, 0
}

func (h *hole) given() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hungUp
}

// TestSilentNetwork has the network to the broker fail without a word. The node notices by
// itself, within a minute, and is back soon after the network is.
func TestSilentNetwork(t *testing.T) {
	slowtest.Skip(t, "builds nats-server and waits until the node misses its answers")
	broker := &stockBroker{t: t}
	var network *hole
	w := newCrashWorld(t, func(w *crashWorld) []string {
		broker.make(w)
		network = newHole(t, broker.address)
		return []string{"--nats", "nats://" + network.listener.Addr().String(), "--advertise-nats", "nats://" + broker.address, "--http-listen", "127.0.0.1:0"}
	})
	w.add(20)
	w.flush()
	network.set(true)
	w.doctor(1, "it has not answered since")
	w.add(20)
	for deadline := time.Now().Add(5 * time.Minute); network.given() == 0; pause(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.fail("the node has not noticed in a minute that nobody answers")
		}
	}
	network.set(false)
	back := time.Now()
	w.flush()
	if took := time.Since(back); took > time.Minute {
		t.Errorf("receipts came %v after the network was back", took)
	}
	w.doctor(0, "0 messages have no leaf yet")
	w.check()
}
