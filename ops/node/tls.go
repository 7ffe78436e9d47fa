package node

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// certificate is read from files, and again when they have been replaced.
type certificate struct {
	certFile, keyFile string

	mu     sync.Mutex
	loaded *tls.Certificate
	seen   [2]time.Time // when the files were last changed
	looked time.Time
}

// certificateEvery is how often it is looked whether the files have been replaced.
const certificateEvery = 10 * time.Second

// serverTLS returns what listeners demand with a certificate; nil without one. TLS 1.3 is
// the least.
func serverTLS(certFile, keyFile string) (*tls.Config, error) {
	switch {
	case certFile == "" && keyFile == "":
		return nil, nil
	case certFile == "" || keyFile == "":
		return nil, errors.New("TLS needs both a certificate and its key")
	}
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: c.get}, nil
}

// get returns the certificate. One that can't be read leaves the one before it.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.looked) < certificateEvery {
		return c.loaded, nil
	}
	c.looked = time.Now()
	var changed [2]time.Time
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			changed[i] = info.ModTime()
		}
	}
	if c.loaded != nil && changed == c.seen {
		return c.loaded, nil
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	switch {
	case err == nil:
		c.loaded, c.seen = &pair, changed
	case c.loaded == nil:
		return nil, fmt.Errorf("read the TLS certificate: %w", err)
	}
	return c.loaded, nil
}

// mayListen refuses to listen in the clear where another machine can reach.
func mayListen(what, address string, config Config) error {
	if config.TLS() || config.BehindProxy || onThisMachine(address) {
		return nil
	}
	return hinted{fmt.Errorf("%s would listen on %s, beyond this machine, without TLS", what, address),
		"give --tls-cert and --tls-key, or --plain-behind-proxy if a proxy before it demands TLS of everybody"}
}

// TLS reports whether the node has a certificate.
func (c *Config) TLS() bool { return c.TLSCert != "" || c.TLSKey != "" }

// ListenAddress is where to listen for an address, host:port, in which the host may be
// left out: that is this machine alone, and never all of its interfaces.
func ListenAddress(address string) string {
	if host, port, err := net.SplitHostPort(address); err == nil && host == "" {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// reachable refuses to tell others an address that is everywhere and nowhere.
func reachable(what, url, flag string) error {
	host, err := bound(url)
	if err == nil {
		host, _, err = net.SplitHostPort(host)
	}
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return nil
	}
	return hinted{fmt.Errorf("%s listens on every address of this machine, and nobody can be told to connect to %s", what, url),
		"say with " + flag + " how others reach it, by the name that stands in the certificate"}
}

// onThisMachine reports whether only this machine reaches an address, host:port.
func onThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(ListenAddress(address))
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
