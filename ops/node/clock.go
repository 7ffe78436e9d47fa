package node

import (
	"context"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/ledger/writer"
)

const (
	// defaultClockEvery is how often the ledger says what time it is.
	defaultClockEvery = time.Hour
	// clockLook is how often it is looked whether the clock has to be said.
	clockLook = time.Second
	// dueRest bounds how often the clock is said because something falls due.
	dueRest = 5 * time.Second
)

// keepClock has the ledger say the time every so often, and when something falls
// due in the views: they know no other clock than the leaves. due returns when the
// views' next timer is due, zero if none is.
func keepClock(ctx context.Context, l *writer.Ledger, every time.Duration, due func() time.Time) error {
	look := time.NewTicker(min(clockLook, every))
	defer look.Stop()
	said := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		now := time.Now()
		next := due()
		falls := !next.IsZero() && !next.After(now) && now.Sub(said) >= dueRest
		if now.Sub(said) < every && !falls {
			continue
		}
		if err := l.AppendClock(ctx); err != nil {
			return fmt.Errorf("keep the ledger's clock: %w", err)
		}
		said = now
	}
}
