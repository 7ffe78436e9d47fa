package node_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/node"
)

// certificate writes a self-signed certificate for loopback into two files.
func (w *world) certificate(cert, key string, serial int64) *x509.CertPool {
	w.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	w.must(err)
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	w.must(err)
	w.must(os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	w.must(os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600))
	parsed, err := x509.ParseCertificate(der)
	w.must(err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return roots
}

// runs starts a node of the world's home with a configuration, and returns its addresses,
// or why it didn't start.
func (w *world) runs(config node.Config) (home.Addresses, error) {
	w.Helper()
	running, cancel := context.WithCancel(w.ctx)
	ready, done := make(chan home.Addresses, 1), make(chan error, 1)
	config.Home, config.Log, config.NoRekor = w.home, slog.New(slog.DiscardHandler), true
	config.Ready = func(a home.Addresses, _ *writer.Ledger) { ready <- a }
	go func() { done <- node.Run(running, config) }()
	w.Cleanup(func() { cancel(); <-done; close(done) })
	select {
	case a := <-ready:
		return a, nil
	case err := <-done:
		done <- err
		return home.Addresses{}, err
	}
}

// TestTLS: with a certificate everybody must speak TLS but the authority's own commands;
// without one the node doesn't listen beyond this machine.
func TestTLS(t *testing.T) {
	w := newWorld(t)
	p := w.enrol("nimbus-my", "lab-1", events.RecorderDeclared{Recorder: "nimbus-my/lab-1/bastion-1", Kind: events.RecorderBastion})
	w.registrar.Close()
	w.stop()

	for name, config := range map[string]node.Config{
		"NATS":      {NATSListen: "0.0.0.0:0", HTTPListen: "127.0.0.1:0"},
		"HTTP":      {NATSListen: "127.0.0.1:0", HTTPListen: "0.0.0.0:0"},
		"WebSocket": {NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", WebSocketListen: "0.0.0.0:0"},
	} {
		if _, err := w.runs(config); err == nil || !strings.Contains(err.Error(), name+" would listen") || !strings.Contains(err.Error(), "without TLS") {
			t.Errorf("%s in the clear: %v", name, err)
		}
	}

	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	roots := w.certificate(cert, key, 1)
	a, err := w.runs(node.Config{
		NATSListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0", WebSocketListen: "127.0.0.1:0", TLSCert: cert, TLSKey: key,
		WebSocketOrigins: []string{"https://console.example.my"},
	})
	w.must(err)
	if !strings.HasPrefix(a.NATS, "tls://") || !strings.HasPrefix(a.HTTP, "https://") || !strings.HasPrefix(a.WebSocket, "wss://") {
		t.Fatalf("%+v", a)
	}
	secure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	response, err := secure.Get(a.HTTP + "/checkpoint")
	w.must(err)
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("over TLS: %s", response.Status)
	}
	if response, err := http.Get("http://" + a.HTTPListen + "/checkpoint"); err == nil {
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			t.Error("HTTP answers in the clear")
		}
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12}}}
	if response, err := old.Get(a.HTTP + "/checkpoint"); err == nil {
		response.Body.Close()
		t.Error("TLS 1.2 is taken")
	}

	grant, err := p.home.Grant()
	w.must(err)
	seed, err := p.home.ConnectionSeed()
	w.must(err)
	credentials := nats.UserJWTAndSeed(grant.User, string(seed))
	for name, at := range map[string]string{"NATS": a.NATS, "WebSocket": a.WebSocket} {
		nc, err := nats.Connect(at, credentials, nats.Secure(&tls.Config{RootCAs: roots}))
		if err != nil {
			t.Errorf("%s over TLS: %v", name, err)
			continue
		}
		w.must(nc.FlushWithContext(w.ctx))
		nc.Close()
	}
	if nc, err := nats.Connect(strings.Replace(a.NATS, "tls://", "nats://", 1), credentials); err == nil {
		nc.Close()
		t.Error("NATS takes whoever doesn't know its certificate")
	}

	for origin, want := range map[string]int{
		"https://console.example.my": http.StatusSwitchingProtocols,
		"https://elsewhere.example":  http.StatusForbidden,
	} {
		if got := handshake(w, a.WebSocket, origin, roots); got != want {
			t.Errorf("WebSocket from a page of %s: %d, want %d", origin, got, want)
		}
	}

	// The authority's own commands go on as before.
	w.addresses = a
	registrar, err := authority.OpenRegistrar(w.ctx, w.home)
	w.must(err)
	defer registrar.Close()
	_, err = registrar.AddFacility(w.ctx, events.FacilityDeclared{Facility: "lab-9", Country: "MY"})
	w.must(err)
}

// handshake asks a WebSocket listener to let a page in.
func handshake(w *world, at, origin string, roots *x509.CertPool) int {
	w.Helper()
	u, err := url.Parse(at)
	w.must(err)
	u.Scheme = "https"
	request, err := http.NewRequestWithContext(w.ctx, http.MethodGet, u.String(), nil)
	w.must(err)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": origin,
	} {
		request.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	response, err := client.Do(request)
	w.must(err)
	response.Body.Close()
	return response.StatusCode
}

// Where no host is named, it is this machine.
func TestListenWithoutHost(t *testing.T) {
	w := newWorld(t)
	w.registrar.Close()
	w.stop()
	a, err := w.runs(node.Config{NATSListen: ":0", HTTPListen: ":0", WebSocketListen: ":0"})
	w.must(err)
	for what, at := range map[string]string{"NATS": a.NATSListen, "HTTP": a.HTTPListen, "WebSocket": strings.TrimPrefix(a.WebSocket, "ws://")} {
		if host, _, err := net.SplitHostPort(at); err != nil || host != "127.0.0.1" {
			t.Errorf("%s listens on %s: %v", what, at, err)
		}
	}
}
