package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// users gives the broker, restarted, users as a real one has them: what they
// aren't told, they may not.
func (b *testBroker) users(permissions *server.Permissions) {
	b.stop()
	b.options = func(o *server.Options) {
		o.Users = []*server.User{{Username: "party", Password: "right", Permissions: permissions}, {Username: "ledger", Password: "ledger"}}
		o.NoAuthUser = "ledger"
	}
	b.start()
}

func (w *world) clientAs(password string) (*Client, error) {
	config := w.config()
	config.NATSOptions = []nats.Option{nats.UserInfo("party", password)}
	c, err := Dial(testContext(w.t), config)
	if err == nil {
		w.t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

func TestCredentialsRefused(t *testing.T) {
	w := newWorld(t)
	w.broker.users(nil)
	_, err := w.clientAs("wrong")
	var h interface{ Hint() string }
	if !errors.Is(err, nats.ErrAuthorization) || !errors.As(err, &h) {
		t.Fatalf("dial: %v", err)
	}
	if _, err := w.clientAs("right"); err != nil {
		t.Fatal(err)
	}
}

func TestRights(t *testing.T) {
	w := newWorld(t)
	o := w.outbox(Options{})
	w.add(o, w.recorder, "a", 0, 3)
	allow := func(pub ...string) *server.Permissions {
		return &server.Permissions{Publish: &server.SubjectPermission{Allow: pub}, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}}}
	}
	for _, missing := range []*server.Permissions{allow("receipts.nimbus-my.*"), allow("events.nimbus-my.>"), allow("events.other.>", "receipts.nimbus-my.*")} {
		w.broker.users(missing)
		c, err := w.clientAs("right")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		r, err := c.Flush(testContext(t), o, FlushOptions{})
		var h interface{ Hint() string }
		if !errors.Is(err, nats.ErrPermissionViolation) || !errors.As(err, &h) || r.Published != 0 || time.Since(start) >= ackTimeout {
			t.Fatalf("flush after %v: %+v, %v", time.Since(start), r, err)
		}
	}
	// Without a right to hear announcements it polls.
	w.broker.users(allow("events.nimbus-my.>", "receipts.nimbus-my.*"))
	c, err := w.clientAs("right")
	if err != nil {
		t.Fatal(err)
	}
	if r := w.flush(c, o); r.Envelopes != 1 {
		t.Fatalf("flush %+v", r)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	w.add(o, w.recorder, "a", 3, 1)
	if _, err := c.Flush(testContext(t), o, FlushOptions{}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Fatalf("flush with a closed client: %v", err)
	}
}

func TestDialRefusesNonsense(t *testing.T) {
	for _, config := range []Config{{}, {NATSURL: "nats://127.0.0.1:1", HTTP: "http://127.0.0.1:1", Party: "x"}} {
		if _, err := Dial(context.Background(), config); err == nil {
			t.Errorf("dialled %+v", config)
		}
	}
}
