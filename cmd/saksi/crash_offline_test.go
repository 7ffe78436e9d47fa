package main

import (
	"encoding/json"
	mathrand "math/rand/v2"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// TestWeekOffline has an operator sign for a week while the node is away, an hour at a time,
// and then send all of it, by a process that is killed again and again, to a node that is
// killed too. What was said stands in the tree in its order, each event once.
func TestWeekOffline(t *testing.T) {
	slowtest.Skip(t, "kills the publisher in a loop")
	const hours, hourly = 7 * 24, 20
	w := newCrashWorld(t, nil)
	w.add(10)
	w.flush()
	w.kill()
	began := time.Now().Add(-hours * time.Hour).UTC().Truncate(time.Second)
	for hour := range hours {
		w.addAt(hourly, func(i int) time.Time {
			return began.Add(time.Duration(hour)*time.Hour + time.Duration(i)*time.Hour/hourly)
		})
	}
	must(t, w.client.Close())
	must(t, w.outbox.Close())
	if s := w.owed(); s.Pending.Events != hours*hourly || s.Next != 10+hours*hourly+1 || s.Receipts.Events != 10 {
		t.Fatalf("a week is owed, and the outbox says %+v", s)
	}

	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	w.start()
	killed := 0
	for owed := int64(hours * hourly); owed > 0; owed = w.owed().Pending.Events {
		flush := exec.Command(w.binary, "outbox", "flush", "--home", w.operator)
		must(t, flush.Start())
		if killed < crashRounds() {
			pause(30*time.Millisecond + time.Duration(random.IntN(250))*time.Millisecond)
			flush.Process.Signal(syscall.SIGKILL)
			if flush.Wait() != nil {
				killed++
			}
			if killed == crashRounds()/2 {
				w.kill()
				w.start()
			}
			continue
		}
		if err := flush.Wait(); err != nil {
			t.Fatalf("flush, after %d that were killed: %v\n%s", killed, err, w.nodeLog)
		}
	}
	t.Logf("%d publishers were killed", killed)

	var err error
	w.outbox, err = client.Open(t.Context(), filepath.Join(w.operator, "outbox.db"), client.Options{})
	must(t, err)
	report := w.check()
	if report.Chains.Gaps+report.Chains.Broken+report.Chains.Repeated+report.Chains.Incarnations > 0 || report.Epochs != 1 {
		t.Errorf("chains %+v, %d epochs", report.Chains, report.Epochs)
	}
	w.checkOrder(report.Leaves)
	w.compareViews()
}

// owed is what the outbox says through the program, of the one recorder.
func (w *crashWorld) owed() client.RecorderStatus {
	w.t.Helper()
	out, err := exec.Command(w.binary, "outbox", "status", "--home", w.operator, "--json").Output()
	must(w.t, err)
	var s client.Status
	must(w.t, json.Unmarshal(out, &s))
	if len(s.Recorders) != 1 {
		w.t.Fatalf("status %s", out)
	}
	return s.Recorders[0]
}

// checkOrder holds numbers, and the times of events, to the order of leaves.
func (w *crashWorld) checkOrder(size uint64) {
	w.t.Helper()
	archive, err := archive.OpenArchive(w.home.LedgerDir(), size)
	must(w.t, err)
	defer archive.Close()
	next, last := uint64(1), ""
	for at := uint64(0); at < size; {
		entries, err := archive.Entries(w.t.Context(), at)
		must(w.t, err)
		for _, raw := range entries {
			leaf, err := formats.ParseLeaf(raw)
			must(w.t, err)
			at++
			if leaf.Verdict != formats.Accepted || leaf.Subject != w.recorder.Subject() {
				continue
			}
			if leaf.First != next {
				w.t.Fatalf("leaf %d has numbers from %d: want %d", at-1, leaf.First, next)
			}
			next += leaf.Count
			body, err := archive.Body(at - 1)
			must(w.t, err)
			envelope, err := events.ParseEnvelope(body)
			must(w.t, err)
			if leaf.First <= 10 {
				continue // said before the week
			}
			for _, line := range envelope.Lines {
				e, err := events.ParseEvent(line)
				must(w.t, err)
				if e.Time < last {
					w.t.Fatalf("leaf %d has an event of %s after one of %s", at-1, e.Time, last)
				}
				last = e.Time
			}
		}
	}
	if next != uint64(w.said)+1 {
		w.t.Errorf("numbers up to %d stand in the ledger: want %d", next-1, w.said)
	}
}
