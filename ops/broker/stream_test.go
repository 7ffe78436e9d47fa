package broker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/ops/broker"
)

func TestEnsureEvents(t *testing.T) {
	w := newWorld(t)
	w.start()
	ctx := testContext(t)
	js := w.js("ledger")
	for range 2 {
		s, err := broker.EnsureEvents(ctx, js, broker.EventsOptions{MaxAge: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		if c.MaxAge != time.Hour || c.Duplicates != 10*time.Second || c.Replicas != 1 || c.DenyDelete || !c.DenyPurge || c.AllowDirect {
			t.Errorf("stream: %+v", c)
		}
	}
	if _, err := broker.EnsureEvents(ctx, js, broker.EventsOptions{}); err != nil {
		t.Errorf("with sizes that don't matter to the caller: %v", err)
	}
	_, err := broker.EnsureEvents(ctx, js, broker.EventsOptions{MaxAge: 2 * time.Hour, Replicas: 3})
	if err == nil || !strings.Contains(err.Error(), "maximum age is 1h0m0s") || !strings.Contains(err.Error(), "replicas is 1") {
		t.Errorf("with other sizes: %v", err)
	}
}

func TestEnsureEventsRefusesAnotherStream(t *testing.T) {
	base := jetstream.StreamConfig{
		Name: "EVENTS", Subjects: []string{"registry.>", "events.>"}, Discard: jetstream.DiscardNew, DenyPurge: true,
	}
	for want, change := range map[string]func(*jetstream.StreamConfig){
		"":                   func(*jetstream.StreamConfig) {},
		"subjects":           func(c *jetstream.StreamConfig) { c.Subjects = []string{"events.>"} },
		"storage":            func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"deny delete":        func(c *jetstream.StreamConfig) { c.DenyDelete = true },
		"deny purge":         func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"roll-up":            func(c *jetstream.StreamConfig) { c.AllowRollup, c.DenyPurge = true, false },
		"time to live":       func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"direct reads":       func(c *jetstream.StreamConfig) { c.AllowDirect = true },
		"retention":          func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"no acknowledgement": func(c *jetstream.StreamConfig) { c.NoAck = true },
		"republish": func(c *jetstream.StreamConfig) {
			c.RePublish = &jetstream.RePublish{Source: "events.>", Destination: "copy.>"}
		},
		"asynchronous":     func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
		"maximum of":       func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 },
		"discard":          func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"message schedule": func(c *jetstream.StreamConfig) { c.AllowMsgSchedules, c.Discard = true, jetstream.DiscardOld },
	} {
		t.Run(want, func(t *testing.T) {
			w := newWorld(t)
			w.start()
			ctx := testContext(t)
			c := base
			change(&c)
			if _, err := w.js("hub").CreateStream(ctx, c); err != nil {
				t.Fatal(err)
			}
			_, err := broker.EnsureEvents(ctx, w.js("ledger"), broker.EventsOptions{})
			if want == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
