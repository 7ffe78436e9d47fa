package broker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/ops/broker"
)

func TestHold(t *testing.T) {
	w := started(t)
	ctx := testContext(t)
	closed, back := make(chan struct{}), make(chan struct{})
	w.connect("a", nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	stubborn := w.connect("a", nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectHandler(func(*nats.Conn) { close(back) }))
	bystander := w.connect("b", nats.NoReconnect())
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	if err := w.auth.Hold(ctx, w.url, broker.Held{Party: "a", Until: until, Strikes: 3}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-ctx.Done():
		t.Fatal("the connection stayed open")
	}
	// Not ErrAuthorization, at which clients give up: this ends by itself.
	if _, err := w.dial("a"); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		t.Errorf("connect while held: %v", err)
	}
	flush(t, bystander)
	holds, err := w.auth.Holds()
	if want := (broker.Held{Party: "a", Until: until, Strikes: 3}); err != nil || len(holds) != 1 || holds[0] != want {
		t.Errorf("held are %+v, %v: want %+v", holds, err, want)
	}
	all, err := w.auth.Operators()
	if err != nil || all[0].HeldUntil != until || all[0].Limits.Connections != 64 || !all[1].HeldUntil.IsZero() {
		t.Errorf("operators: %+v, %v", all, err)
	}
	// Another limit doesn't end it, nor does the hold forget the limit.
	if _, err := w.auth.Admit("a", w.readerKey("a"), broker.Limits{Connections: 5}); err != nil {
		t.Fatal(err)
	}
	if err := w.auth.Push(ctx, w.url, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.dial("a"); !errors.Is(err, nats.ErrMaxAccountConnectionsExceeded) {
		t.Errorf("connect while held, after new limits: %v", err)
	}
	if err := w.auth.Release(ctx, w.url, "a"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-back:
		flush(t, stubborn)
	case <-ctx.Done():
		t.Fatal("a client that doesn't give up wasn't let in again")
	}
	if all, _ := w.auth.Operators(); !all[0].HeldUntil.IsZero() || all[0].Limits.Connections != 5 {
		t.Errorf("after the release: %+v", all[0])
	}
	if err := w.auth.Release(ctx, w.url, "a"); err != nil {
		t.Errorf("release again: %v", err)
	}
}

// A suspension is an authority's word: a hold neither replaces nor outlives it.
func TestHoldAndSuspension(t *testing.T) {
	w := started(t)
	ctx := testContext(t)
	held := broker.Held{Party: "a", Until: time.Now().Add(time.Hour), Strikes: 1}
	if err := w.auth.Hold(ctx, w.url, held); err != nil {
		t.Fatal(err)
	}
	if err := w.auth.Suspend(ctx, w.url, "a"); err != nil {
		t.Fatal(err)
	}
	if holds, _ := w.auth.Holds(); len(holds) != 0 {
		t.Errorf("suspended, and held: %+v", holds)
	}
	if err := w.auth.Release(ctx, w.url, "a"); !errors.Is(err, broker.ErrSuspended) {
		t.Errorf("release of one that is suspended: %v", err)
	}
	if _, err := w.dial("a"); err == nil {
		t.Error("suspended, and let in")
	}
	if err := w.auth.Readmit(ctx, w.url, "a"); err != nil {
		t.Fatal(err)
	}
	flush(t, w.connect("a"))
	for what, err := range map[string]error{
		"hold":    w.auth.Hold(ctx, w.url, broker.Held{Party: "nobody"}),
		"release": w.auth.Release(ctx, w.url, "nobody"),
	} {
		if !errors.Is(err, broker.ErrUnknownOperator) {
			t.Errorf("%s of an unknown operator: %v", what, err)
		}
	}
	if err := w.auth.Hold(ctx, w.url, broker.Held{Party: "registry.other", Until: held.Until}); err != nil {
		t.Errorf("hold a seat: %v", err)
	}
}

func TestTraffic(t *testing.T) {
	w := newWorld(t)
	server := w.start()
	w.events()
	ctx := testContext(t)
	accounts := map[string]string{}
	parties, err := w.auth.Parties()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parties {
		accounts[p.Name] = p.Account
	}
	if len(accounts) != 3 || accounts["registry.other"] == "" {
		t.Fatalf("parties: %+v", parties)
	}
	nc := w.connect("a")
	for range 10 {
		if err := nc.Publish("events.a.lab-1.x", make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Publish("events.b.lab-1.x", nil); err != nil { // refused, and counted
		t.Fatal(err)
	}
	flush(t, nc)
	here, err := server.Traffic()
	if err != nil {
		t.Fatal(err)
	}
	there, err := broker.AskTraffic(ctx, w.connect("system"), 1)
	if err != nil {
		t.Fatal(err)
	}
	for where, got := range map[string]map[string]broker.Traffic{"in process": here, "by request": there} {
		if a := got[accounts["a"]]; a.Messages != 11 || a.Bytes < 1000 || a.Connections != 1 {
			t.Errorf("%s: %+v", where, a)
		}
		if b := got[accounts["b"]]; b.Messages != 0 {
			t.Errorf("%s, of somebody who sent nothing: %+v", where, b)
		}
	}
}
