package node

import (
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// maxHTTP bounds the connections over HTTP that are open at a time, and maxHTTPEach
	// those from one address: who takes all that it may leaves room for others. An
	// address of this machine may be a proxy's, behind which is everybody.
	maxHTTP     = 2048
	maxHTTPEach = 256
	// takeTime is how long an answer may take to be taken. Streams and bodies set
	// times of their own.
	takeTime = 30 * time.Second
)

// connectionLimiter is a listener that closes, at once, connections beyond what may be open.
type connectionLimiter struct {
	net.Listener

	mu   sync.Mutex
	open int
	from map[string]int
}

func newConnectionLimiter(l net.Listener) *connectionLimiter {
	return &connectionLimiter{Listener: l, from: map[string]int{}}
}

// Accept implements [net.Listener].
func (d *connectionLimiter) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, local := addressOf(c)
		d.mu.Lock()
		full := d.open >= maxHTTP || !local && d.from[host] >= maxHTTPEach
		if !full {
			d.open++
			d.from[host]++
		}
		d.mu.Unlock()
		if full {
			c.Close()
			continue
		}
		return &visitor{Conn: c, leave: sync.OnceFunc(func() { d.leave(host) })}, nil
	}
}

func (d *connectionLimiter) leave(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.from[host]--; d.from[host] == 0 {
		delete(d.from, host)
	}
}

func addressOf(c net.Conn) (host string, local bool) {
	host, _, err := net.SplitHostPort(c.RemoteAddr().String())
	if err != nil {
		return "", true
	}
	ip := net.ParseIP(host)
	return host, ip != nil && ip.IsLoopback()
}

// visitor is a connection that counts until it is closed.
type visitor struct {
	net.Conn
	leave func()
}

func (v *visitor) Close() error {
	v.leave()
	return v.Conn.Close()
}

// takenInTime ends a connection whose reader doesn't take an answer in time.
func takenInTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not all writers have deadlines. It is set anew with the connection's next
		// request.
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(takeTime))
		next.ServeHTTP(w, r)
	})
}
