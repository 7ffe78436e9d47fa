package node

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// What the ledger says itself waits while there is no room on the disk.
func TestWhileOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, said := newBackpressure(), 0
		record := whileOpen(g, func(_ context.Context, n int) error { said += n; return nil })
		if err := record(t.Context(), 1); err != nil || said != 1 {
			t.Fatalf("with room: %v, %d", err, said)
		}
		g.set(false)
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := record(short, 10); !errors.Is(err, context.DeadlineExceeded) || said != 1 {
			t.Fatalf("without room: %v, %d", err, said)
		}
		go func() {
			time.Sleep(time.Hour)
			g.set(true)
		}()
		if err := record(t.Context(), 100); err != nil || said != 101 {
			t.Fatalf("with room again: %v, %d", err, said)
		}
	})
}
