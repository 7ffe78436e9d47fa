package broker_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ops/broker"
)

func (w *world) tryStart(change func(*broker.Config)) error {
	w.t.Helper()
	c := broker.Config{Dir: w.dir, StoreDir: w.store, Listen: "127.0.0.1:0", Logger: quiet()}
	change(&c)
	s, err := broker.Start(testContext(w.t), c)
	if err == nil {
		s.Close()
	}
	return err
}

func same(*broker.Config) {}

func TestRestartKeepsAccountsAndStream(t *testing.T) {
	w := newWorld(t)
	s := w.start()
	w.events()
	ctx := testContext(t)
	w.admit("late")
	if err := w.auth.Push(ctx, w.url, "late"); err != nil {
		t.Fatal(err)
	}
	if err := w.auth.Suspend(ctx, w.url, "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.js("late").Publish(ctx, "events.late.x.y", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()

	// What was pushed is known to the server itself: a copy of the directory from
	// before, with no secret in it, starts it.
	bare := filepath.Join(t.TempDir(), "bare")
	if err := os.CopyFS(bare, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"keys", "creds", "accounts"} {
		if err := os.RemoveAll(filepath.Join(bare, d)); err != nil {
			t.Fatal(err)
		}
	}
	whole := w.dir
	w.dir = bare
	w.start()
	w.dir = whole
	m, err := w.events().GetMsg(ctx, 1)
	if err != nil || m.Subject != "events.late.x.y" || string(m.Data) != "kept" {
		t.Errorf("first message: %v, %v", m, err)
	}
	if _, err := w.js("late").Publish(ctx, "events.late.x.y", nil); err != nil {
		t.Error(err)
	}
	if _, err := w.dial("b"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("suspended before the restart: %v", err)
	}
}

func TestAdmittedBeforeStartNeedsNoPush(t *testing.T) {
	w := started(t) // which admitted a and b and pushed nothing
	if _, err := w.js("b").Publish(testContext(t), "events.b.x.y", nil); err != nil {
		t.Error(err)
	}
}

func TestInProcess(t *testing.T) {
	w := newWorld(t)
	s := w.start()
	if _, err := broker.EnsureEvents(testContext(t), w.js("ledger", s.InProcess()), broker.EventsOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := w.js("a", s.InProcess()).Publish(testContext(t), "events.a.x.y", nil); err != nil {
		t.Error(err)
	}
}

// The refusal waits for the client to read, the client for the server to read
// on, and the server gives up after 10 s.
func TestInProcessIsNoWayAround(t *testing.T) {
	slowtest.Skip(t, "waits 10 s until the server gives up")
	t.Parallel()
	s := newWorld(t).start()
	if _, err := nats.Connect("", s.InProcess()); err == nil {
		t.Error("connected without credentials")
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := newWorld(t)
	err = w.tryStart(func(c *broker.Config) { c.Listen = l.Addr().String() })
	if err == nil || !strings.Contains(err.Error(), l.Addr().String()) || !strings.Contains(err.Error(), "choose another") {
		t.Errorf("got %v", err)
	}
	// Nothing is left behind that would keep the next from starting.
	if err := w.tryStart(same); err != nil {
		t.Error(err)
	}
}

func TestBadConfig(t *testing.T) {
	w := newWorld(t)
	for what, change := range map[string]func(*broker.Config){
		"no port":      func(c *broker.Config) { c.Listen = "127.0.0.1" },
		"a bad port":   func(c *broker.Config) { c.Listen = "127.0.0.1:99999" },
		"no store":     func(c *broker.Config) { c.StoreDir = "" },
		"no authority": func(c *broker.Config) { c.Dir = t.TempDir() },
	} {
		if err := w.tryStart(change); err == nil {
			t.Errorf("%s: started", what)
		}
	}
}

func TestStoreIsLocked(t *testing.T) {
	w := newWorld(t)
	s := w.start()
	if err := w.tryStart(same); err == nil || !strings.Contains(err.Error(), w.store) || !strings.Contains(err.Error(), "another server") {
		t.Errorf("second server on the same store: %v", err)
	}
	s.Close()
	if err := w.tryStart(same); err != nil {
		t.Errorf("after the first closed: %v", err)
	}
}

// A server whose store is no store doesn't start, and says where.
func TestDamagedStore(t *testing.T) {
	w := newWorld(t)
	s := w.start()
	w.events()
	s.Close()
	jetstream := filepath.Join(w.store, "jetstream")
	if err := os.RemoveAll(jetstream); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(jetstream, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.tryStart(same); err == nil || !strings.Contains(err.Error(), w.store) {
		t.Fatalf("got %v", err)
	}
}

func TestStartStopsWithItsContext(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := broker.Start(ctx, broker.Config{Dir: w.dir, StoreDir: w.store, Listen: ":0", Logger: quiet()})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := w.tryStart(same); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestLogIsQuietUntilSomethingIsWrong(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return out.Write(b)
	}), nil))
	logged := func() string {
		mu.Lock()
		defer mu.Unlock()
		return out.String()
	}
	s, err := broker.Start(testContext(t), broker.Config{Dir: w.dir, StoreDir: w.store, Listen: ":0", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w.url = s.URL()
	if !strings.HasPrefix(w.url, "nats://127.0.0.1:") {
		t.Errorf("a port alone listens on %s", w.url)
	}
	w.events()
	if got := logged(); got != "" {
		t.Errorf("logged: %s", got)
	}
	nc := w.connect("a")
	if err := nc.Publish("events.b.x", nil); err != nil {
		t.Fatal(err)
	}
	flush(t, nc)
	if got := logged(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "component=nats") || !strings.Contains(got, "events.b.x") {
		t.Errorf("logged: %s", got)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	s, err := broker.Start(testContext(t), broker.Config{
		Dir: w.dir, StoreDir: w.store, Listen: ":0", Logger: quiet(),
		TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w.url = s.URL()
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	w.connect("a", nats.Secure(&tls.Config{RootCAs: roots}))
	if _, err := w.dial("a"); err == nil {
		t.Error("connected without knowing the certificate")
	}
	w.url = strings.Replace(w.url, "tls://", "nats://", 1)
	if nc, err := w.dial("a", nats.Secure(&tls.Config{RootCAs: roots})); err != nil || !nc.TLSRequired() {
		t.Errorf("with the plain scheme: %v", err)
	}
}
