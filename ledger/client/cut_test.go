package client

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/slowtest"
)

// cable is a TCP proxy that can be cut: what the broker says is lost from some
// point on, acknowledgements above all, and then the connection.
type cable struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	conns []net.Conn
	deaf  *atomic.Bool // of these connections: the client hears nothing more
}

func newCable(t testing.TB, port int) *cable {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: l, to: fmt.Sprintf("127.0.0.1:%d", port), deaf: &atomic.Bool{}}
	t.Cleanup(func() { l.Close(); c.cut() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", c.to)
			if err != nil {
				in.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, in, out)
			deaf := c.deaf
			c.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); out.Close() }()
			go func() { _, _ = io.Copy(hearing{in, deaf}, out); in.Close() }()
		}
	}()
	return c
}

type hearing struct {
	net.Conn
	deaf *atomic.Bool
}

func (h hearing) Write(b []byte) (int, error) {
	if h.deaf.Load() {
		return len(b), nil
	}
	return h.Conn.Write(b)
}

func (c *cable) deafen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf.Store(true)
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns, c.deaf = nil, &atomic.Bool{}
}

func (c *cable) url() string { return "nats://" + c.listener.Addr().String() }

// Windows whose acknowledgements, or whose last messages, are lost with the
// connection: the ledger sees every envelope, in order.
func TestOrderWithCutConnections(t *testing.T) {
	cuts := slowtest.Pick(4, 12, 12)
	// Whether a cut catches acknowledgements on their way is chance; that none of
	// three times so many does is not.
	for range 3 {
		if cutConnections(t, cuts).Duplicates > 0 {
			return
		}
	}
	t.Error("nothing was sent twice: the test cut in vain")
}

func cutConnections(t *testing.T, cuts int) Result {
	w := newWorld(t)
	o := w.outbox(Options{MaxEvents: 1})
	wire := newCable(t, w.broker.port)
	config := w.config()
	config.NATSURL, config.Window = wire.url(), 64
	c, err := Dial(testContext(t), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	n := 500 * cuts
	w.add(o, w.recorder, "a", 0, n)
	var published atomic.Int64
	done := make(chan error, 1)
	var result Result
	go func() {
		var err error
		result, err = c.Flush(testContext(t), o, FlushOptions{Progress: func(p Progress) {
			published.Store(int64(p.Published))
		}})
		done <- err
	}()
	for i := range cuts {
		eventually(t, "some is published", func() bool { return published.Load() > int64(i*300+100) })
		if i%2 == 0 {
			// Let the broker store what it will never be heard to have stored.
			before, end := w.broker.stored(t), time.Now().Add(100*time.Millisecond)
			wire.deafen()
			eventually(t, "it has, or the client is not sending", func() bool {
				return w.broker.stored(t) > before || time.Now().After(end)
			})
		}
		wire.cut()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", result)
	w.checkReceipts(o, n)
	w.checkLedger(w.recorder, n)
	return result
}
