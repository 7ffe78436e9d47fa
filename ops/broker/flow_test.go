package broker_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestPublishIsAcknowledgedAcrossAccounts(t *testing.T) {
	w := started(t)
	ctx := testContext(t)
	for who, subject := range map[string]string{"a": "events.a.x.y", "authority": "registry.mcmc"} {
		ack, err := w.js(who).Publish(ctx, subject, []byte("envelope of "+who), jetstream.WithMsgID(who))
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		if ack.Stream != "EVENTS" {
			t.Errorf("%s: stored in %q", who, ack.Stream)
		}
		m, err := w.events().GetMsg(ctx, ack.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject != subject || string(m.Data) != "envelope of "+who || m.Header.Get("Nats-Msg-Id") != who {
			t.Errorf("%s: stored %s %q %v", who, m.Subject, m.Data, m.Header)
		}
		again, err := w.js(who).Publish(ctx, subject, []byte("envelope of "+who), jetstream.WithMsgID(who))
		if err != nil || !again.Duplicate {
			t.Errorf("%s: sent again: %v %v", who, again, err)
		}
	}
}

// An operator may hold its place in the sequence of its own subject.
func TestExpectedSequence(t *testing.T) {
	w := started(t)
	ctx := testContext(t)
	js := w.js("a")
	if _, err := js.Publish(ctx, "events.a.x.y", nil, jetstream.WithExpectLastSequencePerSubject(0)); err != nil {
		t.Fatal(err)
	}
	_, err := js.Publish(ctx, "events.a.x.y", nil, jetstream.WithExpectLastSequencePerSubject(0))
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence {
		t.Errorf("second message with the same expectation: %v", err)
	}
}

func TestRequestsReachTheLedgerAndAnswersReturn(t *testing.T) {
	w := started(t)
	ledger := w.connect("ledger")
	if _, err := ledger.Subscribe("receipts.>", func(m *nats.Msg) {
		reply := nats.NewMsg(m.Reply)
		reply.Header.Set("Saw", m.Subject)
		reply.Data = bytes.ToUpper(m.Data)
		if err := m.RespondMsg(reply); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	flush(t, ledger)
	for who, subjects := range map[string][]string{
		"a":         {"receipts.a.get", "receipts.a.head"},
		"b":         {"receipts.b.get", "receipts.b.head"},
		"authority": {"receipts.registry.mcmc.get", "receipts.registry.mcmc.head"},
	} {
		nc := w.connect(who)
		for _, s := range subjects {
			m, err := nc.Request(s, []byte("digest"), 5*time.Second)
			if err != nil {
				t.Errorf("%s requests %s: %v", who, s, err)
			} else if string(m.Data) != "DIGEST" || m.Header.Get("Saw") != s {
				t.Errorf("%s requests %s: %q, seen as %s", who, s, m.Data, m.Header.Get("Saw"))
			}
		}
	}
	if err := ledger.LastError(); err != nil {
		t.Errorf("the ledger's connection: %v", err)
	}
}

// With the wildcards that a ledger may choose instead, and a second answer,
// which must not arrive.
func TestOneAnswerToARequest(t *testing.T) {
	w := started(t)
	ledger := w.connect("ledger")
	if _, err := ledger.Subscribe("receipts.*.get", func(m *nats.Msg) {
		for range 2 {
			if err := m.Respond(m.Data); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	flush(t, ledger)
	nc := w.connect("a")
	inbox, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest("receipts.a.get", inbox.Subject, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := inbox.NextMsg(5 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request("receipts.a.get", []byte("2"), 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if n, _, _ := inbox.Pending(); n != 0 {
		t.Errorf("%d more answers arrived", n)
	}
	if _, err := nc.Request("receipts.a.head", nil, 5*time.Second); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("request that nobody serves: %v", err)
	}
}

// What a ledger does: make the stream, read it in order from anywhere, fetch one
// message; with its own credentials and nothing more.
func TestLedgerReadsInOrder(t *testing.T) {
	const n = 20_000
	w := started(t)
	ctx := testContext(t)
	js, err := jetstream.New(w.connect("a"), jetstream.WithPublishAsyncMaxPending(1000))
	if err != nil {
		t.Fatal(err)
	}
	futures := make([]jetstream.PubAckFuture, n)
	for i := range n {
		body := binary.BigEndian.AppendUint32(nil, uint32(i))
		if futures[i], err = js.PublishAsync("events.a.lab-1.bastion-1", body, jetstream.WithStallWait(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		t.Fatal("not all was acknowledged in time")
	}
	for i, f := range futures {
		select {
		case ack := <-f.Ok():
			if ack.Sequence != uint64(i)+1 {
				t.Fatalf("message %d is stored as %d", i, ack.Sequence)
			}
		case err := <-f.Err():
			t.Fatalf("message %d: %v", i, err)
		}
	}

	stream := w.events()
	const from = 5
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		t.Fatal(err)
	}
	msgs, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer msgs.Stop()
	for i := from - 1; i < n; i++ {
		m, err := msgs.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		if got := binary.BigEndian.Uint32(m.Data()); got != uint32(i) {
			t.Fatalf("got message %d, want %d", got, i)
		}
	}
	if _, err := stream.GetMsg(ctx, n); err != nil {
		t.Error(err)
	}
	if _, err := stream.GetMsg(ctx, n+1); !errors.Is(err, jetstream.ErrMsgNotFound) {
		t.Errorf("message after the last: %v", err)
	}
}

func TestLedgerCannotHarmTheStream(t *testing.T) {
	w := started(t)
	if _, err := w.js("a").Publish(testContext(t), "events.a.lab-1.x", nil); err != nil {
		t.Fatal(err)
	}
	js := w.js("ledger")
	stream, err := js.Stream(testContext(t), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	// A refused request is noticed by its timeout only.
	const patience = 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(testContext(t), patience)
	defer cancel()
	cfg := stream.CachedInfo().Config
	cfg.MaxAge = time.Second
	update := func() error { _, err := js.UpdateStream(ctx, cfg); return err }
	create := func() error { _, err := js.CreateStream(ctx, cfg); return err }
	publish := func(s string) func() error {
		return func() error { _, err := js.Publish(ctx, s, nil); return err }
	}
	push := func() error {
		nc := js.Conn()
		m, err := nc.Request("$JS.API.CONSUMER.CREATE.EVENTS.c",
			[]byte(`{"stream_name":"EVENTS","config":{"name":"c","deliver_subject":"events.b.x","ack_policy":"none"}}`), patience)
		if err == nil && strings.Contains(string(m.Data), `"err_code":10081`) { // forms a cycle
			return errors.New(string(m.Data))
		}
		return err
	}
	var wg sync.WaitGroup
	for what, do := range map[string]func() error{
		"delete the stream":  func() error { return js.DeleteStream(ctx, "EVENTS") },
		"purge it":           func() error { return stream.Purge(ctx) },
		"delete a message":   func() error { return stream.DeleteMsg(ctx, 1) },
		"shorten its age":    update,
		"make it anew":       create,
		"publish an event":   publish("events.a.lab-1.x"),
		"publish a registry": publish("registry.mcmc"),
		"push into it":       push,
	} {
		wg.Go(func() {
			if err := do(); err == nil {
				t.Errorf("%s: was let do it", what)
			}
		})
	}
	wg.Wait()
	if _, err := w.js("a").Publish(testContext(t), "events.a.lab-1.x", nil); err != nil {
		t.Error(err)
	}
	info, err := w.events().Info(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if info.State.FirstSeq != 1 || info.State.LastSeq != 2 || info.Config.MaxAge != 30*24*time.Hour {
		t.Errorf("the stream changed: %+v, maximum age %s", info.State, info.Config.MaxAge)
	}
}
