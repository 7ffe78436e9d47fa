package broker_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/ops/broker"
)

const authorityName = "mcmc"

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// world is an authority with operators a and b, and a place for a server.
type world struct {
	t     testing.TB
	dir   string
	store string
	auth  *broker.Authority
	users map[string]nats.Option // credentials by operator
	url   string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	tmp := t.TempDir()
	w := &world{t: t, dir: filepath.Join(tmp, "authority"), store: filepath.Join(tmp, "store"), users: map[string]nats.Option{}}
	if err := broker.Init(w.dir, authorityName); err != nil {
		t.Fatal(err)
	}
	auth, err := broker.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	w.auth = auth
	w.admit("a")
	w.admit("b")
	w.admitAuthority("other")
	w.admitReader("r", broker.Mandate{})
	w.admitReader("s", broker.Mandate{Facilities: []string{"lab-1"}})
	return w
}

// views are those that the tests' readers have consumers of.
var views = []string{"sessions", "touches"}

// admitReader lets a new key in for reader, and keeps its credentials.
func (w *world) admitReader(reader string, m broker.Mandate) *broker.ReaderAdmission {
	w.t.Helper()
	kp, err := nkeys.CreateUser()
	if err != nil {
		w.t.Fatal(err)
	}
	id, _ := kp.PublicKey()
	ad, err := w.auth.AdmitReader(reader, id, views, m, broker.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	seed, _ := kp.Seed()
	creds, err := broker.Creds(ad.UserJWT, seed)
	if err != nil {
		w.t.Fatal(err)
	}
	w.users[reader] = nats.UserCredentialBytes(creds)
	return ad
}

// admit lets a new key in for operator, and keeps its credentials.
func (w *world) admit(operator string) *broker.Admission {
	w.t.Helper()
	kp, err := nkeys.CreateUser()
	if err != nil {
		w.t.Fatal(err)
	}
	id, _ := kp.PublicKey()
	ad, err := w.auth.Admit(operator, id, broker.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	seed, _ := kp.Seed()
	creds, err := broker.Creds(ad.UserJWT, seed)
	if err != nil {
		w.t.Fatal(err)
	}
	w.users[operator] = nats.UserCredentialBytes(creds)
	return ad
}

// admitAuthority lets a new key in for a member authority, and keeps its
// credentials.
func (w *world) admitAuthority(name string) {
	w.t.Helper()
	kp, err := nkeys.CreateUser()
	if err != nil {
		w.t.Fatal(err)
	}
	id, _ := kp.PublicKey()
	ad, err := w.auth.AdmitAuthority(name, id, broker.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	seed, _ := kp.Seed()
	creds, err := broker.Creds(ad.UserJWT, seed)
	if err != nil {
		w.t.Fatal(err)
	}
	w.users[name] = nats.UserCredentialBytes(creds)
}

func (w *world) start() *broker.Server {
	w.t.Helper()
	s, err := broker.Start(testContext(w.t), broker.Config{Dir: w.dir, StoreDir: w.store, Listen: ":0", Logger: quiet()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.Close)
	w.url = s.URL()
	return s
}

// started is a world with a server and the stream EVENTS.
func started(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.start()
	w.events()
	w.feeds()
	return w
}

func (w *world) feeds() jetstream.Stream {
	w.t.Helper()
	s, err := broker.EnsureFeeds(testContext(w.t), w.js("projections"), broker.FeedsOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) events() jetstream.Stream {
	w.t.Helper()
	s, err := broker.EnsureEvents(testContext(w.t), w.js("ledger"), broker.EventsOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// options are those of a role, of "anonymous", of an operator or a reader, or of
// "hub" and "feeds-hub": users whom nothing binds in LEDGER and PROJECTIONS.
func (w *world) options(who string) []nats.Option {
	switch r := broker.Role(who); r {
	case broker.RoleLedger, broker.RoleEraser, broker.RoleDisclosures, broker.RoleIntake, broker.RoleProjections, broker.RoleAuthority, broker.RoleSystem:
		return broker.ConnectOptions(r, w.auth.CredsFile(r))
	case "anonymous":
		return nil
	case "hub":
		return []nats.Option{w.mint("keys/ledger.nk")}
	case "feeds-hub":
		return []nats.Option{w.mint("keys/projections.nk")}
	}
	return []nats.Option{w.users[who]}
}

// mint makes a user without any restriction in the account whose key is at path:
// what only the authority could do.
func (w *world) mint(path string) nats.Option {
	w.t.Helper()
	seed, err := os.ReadFile(filepath.Join(w.dir, path))
	if err != nil {
		w.t.Fatal(err)
	}
	account, err := nkeys.FromSeed(seed)
	if err != nil {
		w.t.Fatal(err)
	}
	user, _ := nkeys.CreateUser()
	id, _ := user.PublicKey()
	token, err := jwt.NewUserClaims(id).Encode(account)
	if err != nil {
		w.t.Fatal(err)
	}
	s, _ := user.Seed()
	return nats.UserJWTAndSeed(token, string(s))
}

func (w *world) dial(who string, extra ...nats.Option) (*nats.Conn, error) {
	// Refusals are expected here; the default handler prints them.
	opts := append(w.options(who), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	nc, err := nats.Connect(w.url, append(opts, extra...)...)
	if err == nil {
		w.t.Cleanup(nc.Close)
	}
	return nc, err
}

func (w *world) connect(who string, extra ...nats.Option) *nats.Conn {
	w.t.Helper()
	nc, err := w.dial(who, extra...)
	if err != nil {
		w.t.Fatalf("connect as %s: %v", who, err)
	}
	return nc
}

func (w *world) js(who string, extra ...nats.Option) jetstream.JetStream {
	w.t.Helper()
	js, err := jetstream.New(w.connect(who, extra...))
	if err != nil {
		w.t.Fatal(err)
	}
	return js
}

func flush(t testing.TB, ncs ...*nats.Conn) {
	t.Helper()
	for _, nc := range ncs {
		if err := nc.FlushTimeout(time.Minute); err != nil {
			t.Fatal(err)
		}
	}
}
