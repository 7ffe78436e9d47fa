package main

import (
	mathrand "math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/durable/powercut"
)

// The node's power is cut under load, at random moments. With a receipt nothing is lost;
// without one, the outbox resends.
func TestPowerCut(t *testing.T) {
	slowtest.Skip(t, "cuts the power in a loop")
	d := powercut.NewDisk(t)
	w := newCrashWorldIn(t, filepath.Join(d.Dir, "reg"), nil)
	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for round := range max(1, crashRounds()/2) {
		w.add(1200)
		flushed := make(chan error, 1)
		go func() {
			_, err := w.client.Flush(testContext(t, 5*time.Minute), w.outbox, client.FlushOptions{})
			flushed <- err
		}()
		after := time.Duration(100+random.IntN(900)) * time.Millisecond
		pause(after)
		d.Cut()
		w.kill()
		d.On()
		w.start()
		if err := <-flushed; err != nil {
			t.Fatalf("round %d, cut after %v: %v\n%s", round, after, err, w.nodeLog)
		}
		w.check()
		w.compareViews()
	}
	report := w.check()
	t.Logf("%d leaves, %d duplicates, %d epochs", report.Leaves, report.Duplicates, report.Epochs)
}
