// Package retry has what every repeated attempt needs: how long to wait after a number of
// failures, a wait that a context ends, and when a failure is worth a line in the log.
//
// Not here: what is attempted, and whether an error is worth another attempt; that is the
// caller's.
package retry

import (
	"context"
	"time"
)

// Backoff says how long to wait before the next try: First after one failure, twice as
// long after each more, Most at the most.
type Backoff struct{ First, Most time.Duration }

// After returns the wait after so many failures in a row.
func (b Backoff) After(failures int) time.Duration {
	wait := b.First
	for i := 1; i < failures; i++ {
		if wait > b.Most/2 {
			return b.Most
		}
		wait *= 2
	}
	return min(wait, b.Most)
}

// Sleep waits for d, and returns the context's error if that ends first. It does not wait
// where d is not positive.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// WorthLogging reports whether the nth failure in a row, from 1, is worth a line in the
// log: each of the first four, then fewer and fewer, so that a party that is away for a
// night does not fill a disk.
func WorthLogging(n int) bool { return n <= 4 || n&(n-1) == 0 || n%256 == 0 }
