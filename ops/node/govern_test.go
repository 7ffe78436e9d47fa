package node_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/doctor"
	"github.com/saksi-ledger/saksi/ops/limiter"
	"github.com/saksi-ledger/saksi/ops/operator"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) has(what string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), what)
}

// part returns what doctor says of a part of the node.
func (w *world) part(name string) doctor.Part {
	w.Helper()
	parts, err := doctor.Examine(w.ctx, w.dir)
	w.must(err)
	for _, p := range parts {
		if p.Name == name {
			return p
		}
	}
	w.Fatalf("doctor says nothing of %s: %+v", name, parts)
	return doctor.Part{}
}

// An operator of whose messages too many are rejected is held and named; the hold
// outlives the node, ends by itself, and everything before and after it has its leaf.
func TestHeld(t *testing.T) {
	log := &logged{}
	w := newWorldWith(t, settings{log: slog.New(slog.NewTextHandler(log, nil)), limits: limiter.Limits{
		Waste: limiter.Bucket{Burst: 20, Rate: 1}, Hold: 5 * time.Second, LongestHold: 5 * time.Second,
	}})
	wild := w.enrol("nimbus-my", "lab-1", events.RecorderDeclared{Recorder: bastionName, Kind: events.RecorderBastion})
	calm := w.enrol("garuda-cloud", "kul-dc-2", events.RecorderDeclared{Recorder: "garuda-cloud/kul-dc-2/badge-1", Kind: events.RecorderBadge})
	recorder := newChain(w, bastionName)
	for range 30 {
		w.must(wild.nc.Publish(recorder.recorder.Subject(), []byte("nonsense")))
	}
	w.until("the operator to be held", func() bool {
		p, err := w.home.Pressure()
		return err == nil && len(p.Holds) == 1 && p.Holds[0].Party == "nimbus-my" && p.Holds[0].Reason == "wasting"
	})
	if !log.has("held") || !log.has("nimbus-my") {
		t.Error("the log doesn't say who is held")
	}
	if p := w.part("parties"); p.State != doctor.Warn || !strings.Contains(p.Found, "nimbus-my is held until") || p.Do == "" {
		t.Errorf("doctor says of parties: %+v", p)
	}
	// Its outbox waits, knows why, and has its receipts in the end.
	desk, err := operator.Open(w.ctx, wild.home)
	w.must(err)
	t.Cleanup(func() { desk.Close() })
	outbox, err := desk.Recorder("lab-1/bastion-1")
	w.must(err)
	event, err := json.Marshal(map[string]any{"type": events.TypeAccessPerformed, "data": json.RawMessage(newEvent(w, outbox).Data)})
	w.must(err)
	_, err = desk.Publish(w.ctx, outbox, bytes.NewReader(event), "events.jsonl")
	w.must(err)
	why, flushed := make(chan error, 1), make(chan error, 1)
	go func() {
		result, err := desk.Flush(w.ctx, client.FlushOptions{Progress: func(p client.Progress) {
			if p.Offline != nil && strings.Contains(p.Offline.Error(), "held") {
				select {
				case why <- p.Offline:
				default:
				}
			}
		}})
		if err == nil && result.Events != 1 {
			err = fmt.Errorf("flushed: %+v", result)
		}
		flushed <- err
	}()
	select {
	case err := <-why:
		var h interface{ Hint() string }
		if !errors.As(err, &h) || !strings.Contains(h.Hint(), "nothing is lost") {
			t.Errorf("the outbox says only %v", err)
		}
	case err := <-flushed:
		t.Fatalf("an outbox whose operator is held came through: %v", err)
	case <-w.ctx.Done():
		t.Fatal("the outbox doesn't say why it waits")
	}
	badge := newChain(w, "garuda-cloud/kul-dc-2/badge-1")
	w.leafOf(w.publish(calm, badge.recorder.Subject(), badge.seal(w, 1, calm.signer).Marshal()))
	// It comes back by itself, though the node was stopped and started meanwhile.
	w.stop()
	w.start()
	w.must(<-flushed)
	w.until("the operator to be let in again", func() bool { return wild.nc.IsConnected() })
	recorder.next = 2
	w.leafOf(w.publish(wild, recorder.recorder.Subject(), recorder.seal(w, 1, wild.signer).Marshal()))
	w.stop()
	w.audit()
}

// With too little of the disk free the node takes nothing, says so, and goes on where
// it was when there is room.
func TestDiskFull(t *testing.T) {
	var free atomic.Int64
	free.Store(100 << 30)
	w := newWorldWith(t, settings{
		free:   func(string) (int64, error) { return free.Load(), nil },
		limits: limiter.Limits{Hold: time.Second},
	})
	party := w.enrol("nimbus-my", "lab-1", events.RecorderDeclared{Recorder: bastionName, Kind: events.RecorderBastion})
	recorder := newChain(w, bastionName)
	w.leafOf(w.publish(party, recorder.recorder.Subject(), recorder.seal(w, 1, party.signer).Marshal()))
	free.Store(100 << 20)
	w.until("the node to take nothing", func() bool {
		p, err := w.home.Pressure()
		return err == nil && !p.Takes && len(p.Holds) > 0
	})
	if p := w.part("stream"); p.State != doctor.Fail {
		t.Errorf("doctor says of the stream: %+v", p)
	}
	w.until("connections to be cut", func() bool { return !party.nc.IsConnected() })
	free.Store(100 << 30)
	w.until("the operator to be let in again", func() bool { return party.nc.IsConnected() })
	w.leafOf(w.publish(party, recorder.recorder.Subject(), recorder.seal(w, 1, party.signer).Marshal()))
	w.stop()
	if report := w.audit(); report.Rejected > 0 {
		t.Errorf("the audit counts %+v", report)
	}
}
