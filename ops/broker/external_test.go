package broker_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ops/broker"
)

// stockServer builds nats-server as its makers publish it.
func stockServer(t *testing.T) string {
	t.Helper()
	slowtest.Skip(t, "builds nats-server")
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("builds nats-server, and there is no go command here")
	}
	bin := filepath.Join(t.TempDir(), "nats-server")
	if out, err := exec.CommandContext(testContext(t), goTool, "build", "-o", bin, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Fatalf("build nats-server: %v\n%s", err, out)
	}
	return bin
}

// process runs the stock server on a free port until stopped, and returns its URL.
func process(t *testing.T, bin, config string) (url string, stop func()) {
	t.Helper()
	ports := t.TempDir()
	var out bytes.Buffer
	cmd := exec.Command(bin, "-c", config, "-p", "-1", "--ports_file_dir", ports)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-exited:
		case <-time.After(5 * time.Minute):
			_ = cmd.Process.Kill()
			<-exited
		}
		if t.Failed() {
			t.Logf("nats-server said:\n%s", out.Bytes())
		}
	}
	t.Cleanup(stop)

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(5 * time.Minute)
	for {
		if files, _ := filepath.Glob(filepath.Join(ports, "*.ports")); len(files) == 1 {
			var p struct {
				NATS []string `json:"nats"`
			}
			if b, err := os.ReadFile(files[0]); err == nil && json.Unmarshal(b, &p) == nil && len(p.NATS) > 0 {
				return p.NATS[0], stop
			}
		}
		select {
		case <-tick.C:
		case <-exited:
			t.Fatalf("nats-server ended:\n%s", out.Bytes())
		case <-deadline:
			t.Fatal("nats-server doesn't say where it listens")
		}
	}
}

func TestStockServer(t *testing.T) {
	bin := stockServer(t)
	t.Parallel()
	w := newWorld(t)
	ctx := testContext(t)
	config := filepath.Join(t.TempDir(), "nats-server.conf")
	var b bytes.Buffer
	store := filepath.Join(t.TempDir(), `a "quoted" name`)
	if err := w.auth.ServerConfig(&b, broker.ServerOptions{StoreDir: store, Listen: "127.0.0.1:4222"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	url, stop := process(t, bin, config)
	w.url = url
	w.events()

	publish := func(operator string) error {
		_, err := w.js(operator).Publish(ctx, "events."+operator+".x.y", nil)
		return err
	}
	if err := publish("a"); err != nil {
		t.Errorf("an account of the configuration: %v", err)
	}
	if got := w.connect("a"); got != nil {
		flush(t, got)
		if got.MaxPayload() != 512<<10 {
			t.Errorf("payload limit is %d", got.MaxPayload())
		}
	}
	w.admit("late")
	if err := w.auth.Push(ctx, url, "late"); err != nil {
		t.Fatal(err)
	}
	if err := publish("late"); err != nil {
		t.Errorf("an account that was pushed: %v", err)
	}
	w.feeds()
	w.admitReader("desk", broker.Mandate{})
	if err := w.auth.PushReader(ctx, url, "desk"); err != nil {
		t.Fatal(err)
	}
	w.ensure(broker.Reader{Name: "r"}, broker.Reader{Name: "desk"})
	if _, err := w.js("projections").Publish(ctx, "feeds.touches._._", []byte("feeds.touches._._")); err != nil {
		t.Fatal(err)
	}
	for _, reader := range []string{"r", "desk"} { // of the configuration, and pushed
		if got, _ := fetch(t, w.reader(reader), reader+"_touches"); len(got) != 1 {
			t.Errorf("%s got %v", reader, got)
		}
	}
	if err := w.auth.Suspend(ctx, url, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.dial("a"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a suspended account: %v", err)
	}

	// Its configuration still has the account as it was before the suspension.
	stop()
	url, stop = process(t, bin, config)
	w.url = url
	if _, err := w.dial("a"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a suspended account after a restart: %v", err)
	}
	if m, err := w.events().GetMsg(ctx, 2); err != nil || m.Subject != "events.late.x.y" {
		t.Errorf("after a restart: %v, %v", m, err)
	}
	stop()

	// And with an account directory that was lost, and acknowledgement subjects of
	// the other form.
	b.WriteString("feature_flags { js_ack_fc_v2: true }\n")
	if err := os.WriteFile(config, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(store, "accounts")); err != nil {
		t.Fatal(err)
	}
	url, _ = process(t, bin, config)
	w.url = url
	if err := w.auth.PushAll(ctx, url); err != nil {
		t.Fatal(err)
	}
	if err := publish("late"); err != nil {
		t.Errorf("after pushing all: %v", err)
	}
	js := w.reader("desk")
	if _, err := js.ResetConsumer(ctx, "FEEDS", "desk_touches"); err != nil {
		t.Errorf("a reader after pushing all: %v", err)
	}
	if _, messages := fetch(t, js, "desk_touches"); len(messages) != 1 {
		t.Errorf("desk got %d messages", len(messages))
	} else if err := messages[0].DoubleAck(ctx); err != nil || !strings.HasPrefix(messages[0].Reply(), "$JS.ACK._.") {
		t.Errorf("acknowledge on %s: %v", messages[0].Reply(), err)
	}
	if _, err := w.dial("a"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("a suspended account after pushing all: %v", err)
	}
	var info *jetstream.StreamInfo
	info, err := w.events().Info(ctx)
	if err != nil || info.State.Msgs != 3 {
		t.Errorf("stream: %+v, %v", info, err)
	}
}

func TestServerConfigAlways(t *testing.T) {
	w := newWorld(t)
	var b bytes.Buffer
	if err := w.auth.ServerConfig(&b, broker.ServerOptions{StoreDir: "/s", Listen: "[::1]:0", SyncInterval: -1}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sync_interval: always\n", `listen: "[::1]:-1"` + "\n", `store_dir: "/s"` + "\n", "max_payload: 1048576\n"} {
		if !bytes.Contains(b.Bytes(), []byte(want)) {
			t.Errorf("no %q in\n%s", want, b.Bytes())
		}
	}
	if bytes.Contains(b.Bytes(), []byte("SU")) && bytes.Contains(b.Bytes(), []byte("SEED")) {
		t.Error("a seed is in the configuration")
	}
	if err := w.auth.ServerConfig(&b, broker.ServerOptions{}); err == nil {
		t.Error("no store directory was needed")
	}
	for what, o := range map[string]broker.ServerOptions{
		"everywhere in the clear": {StoreDir: "/s", Listen: "0.0.0.0:4222"},
		"by name in the clear":    {StoreDir: "/s", Listen: "nats.example.my:4222"},
		"half a certificate":      {StoreDir: "/s", Listen: "0.0.0.0:4222", TLSCert: "/c"},
	} {
		if err := w.auth.ServerConfig(&b, o); err == nil || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := w.auth.ServerConfig(&b, broker.ServerOptions{StoreDir: "/s", Listen: "0.0.0.0:4222", Behind: true}); err != nil {
		t.Errorf("behind a proxy: %v", err)
	}
}

// A stock server with a certificate speaks TLS 1.3 with everybody, and nothing else.
func TestStockServerTLS(t *testing.T) {
	bin := stockServer(t)
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	roots := certificate(t, cert, key)
	var b bytes.Buffer
	if err := w.auth.ServerConfig(&b, broker.ServerOptions{StoreDir: filepath.Join(dir, "store"), Listen: "127.0.0.1:0", TLSCert: cert, TLSKey: key}); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "nats-server.conf")
	if err := os.WriteFile(config, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	w.url, _ = process(t, bin, config)
	w.url = strings.Replace(w.url, "nats://", "tls://", 1)
	nc, err := w.dial("a", nats.Secure(&tls.Config{RootCAs: roots}))
	if err != nil {
		t.Fatalf("over TLS: %v", err)
	}
	flush(t, nc)
	if state, err := nc.TLSConnectionState(); err != nil || state.Version != tls.VersionTLS13 {
		t.Errorf("TLS %x: %v", state.Version, err)
	}
	nc.Close()
	if _, err := w.dial("a", nats.Secure(&tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12})); err == nil {
		t.Error("TLS 1.2 is taken")
	}
	if _, err := w.dial("a"); err == nil {
		t.Error("a certificate of nobody is believed")
	}
}

// certificate writes a self-signed certificate for loopback into two files.
func certificate(t *testing.T, cert, key string) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return roots
}
