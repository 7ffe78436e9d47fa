package broker

import (
	"io"
	"net"
	"sync"
)

// ServeLocal lets those who reach l, which must be on this machine alone, connect without
// TLS where the server demands it: the authority's own commands. It returns when l is
// closed.
func (s *Server) ServeLocal(l net.Listener) {
	for {
		outside, err := l.Accept()
		if err != nil {
			return
		}
		inside, err := s.nats.InProcessConn()
		if err != nil {
			outside.Close()
			continue
		}
		go join(outside, inside)
	}
}

// join copies both ways until either end is closed, and closes the other.
func join(a, b net.Conn) {
	closeBoth := sync.OnceFunc(func() { a.Close(); b.Close() })
	go func() {
		_, _ = io.Copy(a, b)
		closeBoth()
	}()
	_, _ = io.Copy(b, a)
	closeBoth()
}
