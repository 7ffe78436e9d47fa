package countersign_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign"
	"github.com/saksi-ledger/saksi/ledger/retry"
)

// Whatever fails, and whether it fails before or after it was done, each thing that is
// asked for is kept and then recorded before the next is asked for.
func TestLineLosesNothing(t *testing.T) {
	errOnce := errors.New("this once")
	for _, step := range []string{"begin", "ask", "keep", "record"} {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s done %t", step, done), func(t *testing.T) {
				var kept, recorded []int
				asked, failures := 0, 0
				fail := func(name string, at int) error {
					if name == step && at == 2 && failures == 0 {
						return errOnce
					}
					return nil
				}
				// do does something that may fail before or after it is done.
				do := func(name string, at int, what func()) error {
					err := fail(name, at)
					if err == nil || done {
						what()
					}
					return err
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				line := countersign.Worker[int]{
					Begin: func() (*int, error) {
						newest := 1 // kept by an earlier process, perhaps without its leaf
						return &newest, fail("begin", 2)
					},
					Ask: func(ctx context.Context) (*int, error) {
						next := len(recorded) + 1
						if next > 4 {
							cancel()
							return nil, ctx.Err()
						}
						err := do("ask", next, func() { asked++ })
						if err != nil {
							return nil, err
						}
						return &next, nil
					},
					Keep: func(n *int) error { return do("keep", *n, func() { kept = append(kept, *n) }) },
					Record: func(_ context.Context, n *int) error {
						return do("record", *n, func() {
							if !slices.Contains(recorded, *n) { // said twice, and no harm
								recorded = append(recorded, *n)
							}
						})
					},
					Failed: func(_ context.Context, err error) error {
						if !errors.Is(err, errOnce) {
							t.Errorf("failed with %v", err)
						}
						failures++
						return nil
					},
				}
				if err := line.Run(ctx); !errors.Is(err, context.Canceled) {
					t.Fatalf("Run: %v", err)
				}
				if failures != 1 {
					t.Errorf("%d failures, want 1", failures)
				}
				if want := []int{1, 2, 3, 4}; !slices.Equal(recorded, want) {
					t.Errorf("recorded %v, want %v", recorded, want)
				}
				if kept = slices.Compact(kept); !slices.Equal(kept, []int{2, 3, 4}) {
					t.Errorf("kept %v, want what was asked for, in order", kept)
				}
			})
		}
	}
}

func TestLineEndsWithTheLedger(t *testing.T) {
	one := 1
	line := countersign.Worker[int]{
		Begin:  func() (*int, error) { return &one, nil },
		Record: func(context.Context, *int) error { return fmt.Errorf("disk: %w", ledger.ErrFatal) },
		Failed: func(context.Context, error) error { t.Error("a ledger that failed is not waited for"); return nil },
	}
	if err := line.Run(t.Context()); !errors.Is(err, ledger.ErrFatal) {
		t.Fatalf("Run: %v", err)
	}
}

func TestRetry(t *testing.T) {
	r := retry.Backoff{First: time.Second, Most: 10 * time.Second}
	for failures, want := range map[int]time.Duration{1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 1000: 10} {
		if got := r.After(failures); got != want*time.Second {
			t.Errorf("after %d failures: %v, want %v", failures, got, want*time.Second)
		}
	}
	if got := (retry.Backoff{First: time.Second, Most: time.Millisecond}).After(1); got != time.Millisecond {
		t.Errorf("Most doesn't bound the first wait: %v", got)
	}
}
