package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"
)

func TestBackoff(t *testing.T) {
	b := retry.Backoff{First: 100 * time.Millisecond, Most: time.Second}
	for failures, want := range map[int]time.Duration{
		0: 100 * time.Millisecond, 1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 3: 400 * time.Millisecond, 4: 800 * time.Millisecond,
		5: time.Second, 6: time.Second, 1_000_000: time.Second,
	} {
		if got := b.After(failures); got != want {
			t.Errorf("after %d failures it waits %s: want %s", failures, got, want)
		}
	}
	// No number of failures makes the wait negative or longer than Most.
	huge := retry.Backoff{First: time.Hour, Most: 1<<63 - 1}
	for failures := range 200 {
		if got := huge.After(failures); got < time.Hour {
			t.Fatalf("after %d failures it waits %s", failures, got)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := retry.Sleep(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
			t.Errorf("it slept %s: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		if err := retry.Sleep(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("it slept %s beyond its context: %v", time.Since(began), err)
		}
		if err := retry.Sleep(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a wait it returned %v", err)
		}
	})
}

func TestWorthLogging(t *testing.T) {
	var told []int
	for n := 1; n <= 1024; n++ {
		if retry.WorthLogging(n) {
			told = append(told, n)
		}
	}
	want := []int{1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024}
	if len(told) != len(want) {
		t.Fatalf("told of %v: want %v", told, want)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Fatalf("told of %v: want %v", told, want)
		}
	}
}
