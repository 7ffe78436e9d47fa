package node

import (
	"net"
	"sync"
	"testing"
	"time"
)

// elsewhere is a listener whose connections come from the addresses it is given.
type elsewhere struct{ conns chan net.Conn }

func (e elsewhere) Accept() (net.Conn, error) { return <-e.conns, nil }
func (e elsewhere) Close() error              { return nil }
func (e elsewhere) Addr() net.Addr            { return &net.TCPAddr{} }

type addressed struct {
	net.Conn
	from   string
	once   sync.Once
	closed chan struct{}
}

func (a *addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(a.from), Port: 1} }
func (a *addressed) Close() error         { a.once.Do(func() { close(a.closed) }); return nil }

func TestDoors(t *testing.T) {
	conns := make(chan net.Conn, maxHTTP)
	d := newConnectionLimiter(elsewhere{conns})
	come := func(from string) *addressed {
		a := &addressed{from: from, closed: make(chan struct{})}
		conns <- a
		return a
	}
	accept := func(from string) net.Conn {
		t.Helper()
		come(from)
		c, err := d.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var theirs []net.Conn
	for range maxHTTPEach {
		theirs = append(theirs, accept("192.0.2.1"))
	}
	refused := come("192.0.2.1")
	accept("192.0.2.2") // it is let in, and the one before it was not
	select {
	case <-refused.closed:
	case <-time.After(5 * time.Minute):
		t.Fatal("one address has more connections than it may")
	}
	theirs[0].Close()
	theirs[0].Close() // counts once
	accept("192.0.2.1")
	for d.open < maxHTTP {
		accept("127.0.0.1")
	}
	refused = come("192.0.2.3")
	come("192.0.2.4")
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Accept()
	}()
	<-refused.closed // there is no room for anybody
	theirs[1].Close()
	come("192.0.2.5")
	<-done // somebody was let in
}
