package broker_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/ops/broker"
)

func TestSecretsAreReadByTheirOwnerOnly(t *testing.T) {
	w := newWorld(t)
	var files int
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + 4 + 5 + 7 + 2*2 + 2*2 + 2 + 1; files != want {
		t.Errorf("%d files, want %d", files, want)
	}
}

func TestInitRefuses(t *testing.T) {
	w := newWorld(t)
	before, err := os.ReadFile(filepath.Join(w.dir, "keys", "operator.nk"))
	if err != nil {
		t.Fatal(err)
	}
	if err := broker.Init(w.dir, "other"); !errors.Is(err, broker.ErrExists) {
		t.Errorf("over an authority: %v", err)
	}
	if after, _ := os.ReadFile(filepath.Join(w.dir, "keys", "operator.nk")); string(after) != string(before) {
		t.Error("the key changed")
	}
	for _, name := range []string{"", "-a", "A", "a.b", "a*", "a>", strings.Repeat("a", 41), "é", "a/b", ".."} {
		dir := filepath.Join(t.TempDir(), "x")
		if err := broker.Init(dir, name); err == nil {
			t.Errorf("authority %q was made", name)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("authority %q: the directory was made", name)
		}
		kp, _ := nkeys.CreateUser()
		id, _ := kp.PublicKey()
		if _, err := w.auth.Admit(name, id, broker.Limits{}); err == nil {
			t.Errorf("operator %q was admitted", name)
		}
		if err := w.auth.Push(testContext(t), "nats://127.0.0.1:1", name); err == nil {
			t.Errorf("operator %q was pushed", name)
		}
	}
}

func TestOpenRefusesMixedFiles(t *testing.T) {
	if _, err := broker.Open(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	w, other := newWorld(t), newWorld(t)
	foreign, err := os.ReadFile(filepath.Join(other.dir, "hub", "ledger.jwt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "hub", "ledger.jwt"), foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := broker.Open(w.dir); err == nil || !strings.Contains(err.Error(), "two authorities") {
		t.Errorf("another authority's ledger account: %v", err)
	}
}

func TestAdmitIsIdempotent(t *testing.T) {
	w := newWorld(t)
	kp, _ := nkeys.CreateUser()
	id, _ := kp.PublicKey()
	first, err := w.auth.Admit("c", id, broker.Limits{Connections: 3})
	if err != nil {
		t.Fatal(err)
	}
	if want := (broker.Limits{Connections: 3, Subscriptions: 64, Payload: 512 << 10}); first.Operator.Limits != want {
		t.Errorf("limits %+v, want %+v", first.Operator.Limits, want)
	}
	account := func() string {
		b, err := os.ReadFile(filepath.Join(w.dir, "accounts", "c.jwt"))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	before := account()
	again, err := w.auth.Admit("c", id, broker.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Operator != first.Operator || account() != before {
		t.Error("the account changed")
	}
	wider, err := w.auth.Admit("c", id, broker.Limits{Subscriptions: 7})
	if err != nil {
		t.Fatal(err)
	}
	if want := (broker.Limits{Connections: 3, Subscriptions: 7, Payload: 512 << 10}); wider.Operator.Limits != want || wider.Operator.Account != first.Operator.Account {
		t.Errorf("after other limits: %+v", wider.Operator)
	}
	all, err := w.auth.Operators()
	if err != nil || len(all) != 3 || all[2] != wider.Operator {
		t.Errorf("operators: %+v, %v", all, err)
	}
}

// Servers tell two JWTs of an account apart by the second they were issued in.
func TestAccountsAreSignedInOrder(t *testing.T) {
	w := newWorld(t)
	issued := func() int64 {
		b, err := os.ReadFile(filepath.Join(w.dir, "accounts", "a.jwt"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := jwt.DecodeAccountClaims(string(b))
		if err != nil {
			t.Fatal(err)
		}
		return c.IssuedAt
	}
	before := issued()
	// There is no server, but the directory counts.
	if err := w.auth.Suspend(testContext(t), "nats://127.0.0.1:1", "a"); !errors.Is(err, nats.ErrNoServers) {
		t.Errorf("suspend without a server: %v", err)
	}
	if after := issued(); after <= before {
		t.Errorf("issued at %d, then at %d", before, after)
	}
	w.start() // which takes the suspension from the directory
	if _, err := w.dial("a"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect while suspended: %v", err)
	}
}

func TestAdmitWantsAPublicUserKey(t *testing.T) {
	w := newWorld(t)
	user, _ := nkeys.CreateUser()
	seed, _ := user.Seed()
	account, _ := nkeys.CreateAccount()
	accountID, _ := account.PublicKey()
	for what, key := range map[string]string{"nothing": "", "a seed": string(seed), "an account": accountID, "noise": "UABC"} {
		_, err := w.auth.Admit("c", key, broker.Limits{})
		if err == nil {
			t.Errorf("admitted %s", what)
		} else if strings.Contains(err.Error(), string(seed)) {
			t.Errorf("the error tells the seed: %v", err)
		}
	}
	if _, err := w.auth.Admit("c", "", broker.Limits{Payload: -1}); err == nil {
		t.Error("admitted with negative limits")
	}
	if all, _ := w.auth.Operators(); len(all) != 2 {
		t.Errorf("operators: %+v", all)
	}
}

func TestCredsWantTheRightSeed(t *testing.T) {
	w := newWorld(t)
	ad := w.admit("a")
	other, _ := nkeys.CreateUser()
	seed, _ := other.Seed()
	if _, err := broker.Creds(ad.UserJWT, seed); err == nil {
		t.Error("made credentials with another seed")
	}
}

func TestAdmitSuspendReadmitOnARunningServer(t *testing.T) {
	w := started(t)
	ctx := testContext(t)
	w.admit("late")
	if _, err := w.dial("late"); !errors.Is(err, nats.ErrAuthorization) {
		t.Fatalf("before the push: %v", err)
	}
	if err := w.auth.Push(ctx, w.url, "late"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.js("late").Publish(ctx, "events.late.x.y", nil); err != nil {
		t.Fatal(err)
	}

	closed, reconnected := make(chan struct{}), make(chan struct{})
	w.connect("late", nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	stubborn := w.connect("late", nats.IgnoreAuthErrorAbort(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectHandler(func(*nats.Conn) { close(reconnected) }))
	bystander := w.connect("a", nats.NoReconnect())
	if err := w.auth.Suspend(ctx, w.url, "late"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-ctx.Done():
		t.Fatal("the connection stayed open")
	}
	if _, err := w.dial("late"); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("connect while suspended: %v", err)
	}
	flush(t, bystander)

	kp, _ := nkeys.CreateUser()
	id, _ := kp.PublicKey()
	if _, err := w.auth.Admit("late", id, broker.Limits{}); !errors.Is(err, broker.ErrSuspended) {
		t.Errorf("admit another key while suspended: %v", err)
	}
	if err := w.auth.Suspend(ctx, w.url, "late"); err != nil {
		t.Errorf("suspend again: %v", err)
	}
	if err := w.auth.Readmit(ctx, w.url, "late"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.js("late").Publish(ctx, "events.late.x.y", nil); err != nil {
		t.Error(err)
	}
	select {
	case <-reconnected:
		flush(t, stubborn)
	case <-ctx.Done():
		t.Error("a client that doesn't give up wasn't let in again")
	}
	if all, _ := w.auth.Operators(); all[2].Suspended || all[2].Limits.Connections != 64 {
		t.Errorf("after readmission: %+v", all[2])
	}
	for what, err := range map[string]error{
		"push":    w.auth.Push(ctx, w.url, "nobody"),
		"suspend": w.auth.Suspend(ctx, w.url, "nobody"),
		"readmit": w.auth.Readmit(ctx, w.url, "nobody"),
	} {
		if !errors.Is(err, broker.ErrUnknownOperator) {
			t.Errorf("%s of an unknown operator: %v", what, err)
		}
	}
}

func TestPushSaysWhatIsWrong(t *testing.T) {
	w, other := started(t), started(t)
	err := w.auth.Push(testContext(t), other.url, "a")
	if !errors.Is(err, nats.ErrAuthorization) || !strings.Contains(err.Error(), "this authority") {
		t.Errorf("to another authority's server: %v", err)
	}
	err = w.auth.Push(testContext(t), "nats://127.0.0.1:1", "a")
	if !errors.Is(err, nats.ErrNoServers) || !strings.Contains(err.Error(), "running") {
		t.Errorf("to no server: %v", err)
	}
}

func TestLimits(t *testing.T) {
	w := started(t)
	kp, _ := nkeys.CreateUser()
	id, _ := kp.PublicKey()
	ad, err := w.auth.Admit("tight", id, broker.Limits{Connections: 2, Subscriptions: 3, Payload: 1000})
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := kp.Seed()
	creds, err := broker.Creds(ad.UserJWT, seed)
	if err != nil {
		t.Fatal(err)
	}
	w.users["tight"] = nats.UserCredentialBytes(creds)
	if err := w.auth.Push(testContext(t), w.url, "tight"); err != nil {
		t.Fatal(err)
	}
	first, second := w.connect("tight"), w.connect("tight")
	if _, err := w.dial("tight"); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		t.Errorf("third connection: %v", err)
	}
	for range 4 {
		if _, err := first.SubscribeSync("checkpoints"); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, first)
	if err := first.LastError(); err == nil || !strings.Contains(err.Error(), "maximum subscriptions") {
		t.Errorf("fourth subscription: %v", err)
	}
	if got := second.MaxPayload(); got != 1000 {
		t.Errorf("told a payload limit of %d", got)
	}
	ordinary := w.connect("a")
	flush(t, ordinary) // the limit comes after the connection
	if got := ordinary.MaxPayload(); got != 512<<10 {
		t.Errorf("told a payload limit of %d by default", got)
	}
	if err := second.Publish("events.tight.lab-1.x", make([]byte, 1001)); !errors.Is(err, nats.ErrMaxPayload) {
		t.Errorf("a message of 1001 bytes: %v", err)
	}
}
