package client

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// testTime bounds every wait of a test.
const testTime = 5 * time.Minute

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testTime)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(testTime); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain until %s", testTime, what)
		}
	}
}

// testBroker is a real server with JetStream that can be stopped and started
// again on the same store and port.
type testBroker struct {
	t    testing.TB
	dir  string
	port int
	srv  *server.Server
	// options may change what the next start gets.
	options func(*server.Options)
}

func startBroker(t testing.TB) *testBroker {
	b := &testBroker{t: t, dir: t.TempDir(), port: -1}
	b.start()
	t.Cleanup(b.stop)
	js, err := jetstream.New(b.connect())
	if err != nil {
		t.Fatal(err)
	}
	b.createStream(js)
	return b
}

func (b *testBroker) createStream(js jetstream.JetStream) jetstream.Stream {
	s, err := js.CreateStream(testContext(b.t), jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"events.>", "registry.>"}, Duplicates: 10 * time.Second, Discard: jetstream.DiscardNew,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *testBroker) start() {
	o := &server.Options{Host: "127.0.0.1", Port: b.port, JetStream: true, StoreDir: b.dir, NoSigs: true, NoLog: true}
	if b.options != nil {
		b.options(o)
	}
	srv, err := server.NewServer(o)
	if err != nil {
		b.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(testTime) {
		b.t.Fatal("the broker does not start")
	}
	b.port = srv.Addr().(*net.TCPAddr).Port
	b.srv = srv
}

func (b *testBroker) stop() {
	if b.srv != nil {
		b.srv.Shutdown()
		b.srv.WaitForShutdown()
		b.srv = nil
	}
}

func (b *testBroker) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", b.port) }

func (b *testBroker) connect() *nats.Conn {
	nc, err := nats.Connect(b.url(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	return nc
}

// stored returns how many messages the broker has ever stored.
func (b *testBroker) stored(t testing.TB) uint64 {
	t.Helper()
	info, err := b.srv.Jsz(&server.JSzOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return info.Messages
}
