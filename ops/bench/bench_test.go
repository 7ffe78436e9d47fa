package bench_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ops/bench"
)

// Every measure for a moment: the figures mean nothing then, but are there, and
// each ledger made has stood up to its audit or Run would have failed.
func TestMeasures(t *testing.T) {
	slowtest.Skip(t, "takes all measures")
	seen := take(t, "")
	for _, name := range []string{
		"ingest-1", "ingest-1-disk", "ingest-32", "ingest-32-disk", "audit-1", "audit-1-events", "audit-32", "audit-32-events",
		"receipt-1-p50", "receipt-1-p99", "receipt-32-p50", "receipt-32-p99", "view-1-p50", "view-32-p99", "feed-1-p50",
		"rebuild-touches-3200", "rebuild-touches-32k", "rebuild-all-32k", "page-3200-p50", "page-32k-p99",
		"tessera", "ed25519-one", "ed25519-batch", "jetstream",
	} {
		if _, ok := seen[name]; !ok {
			t.Errorf("there is no figure %s", name)
		}
	}
	if seen["audit-1"].N < seen["ingest-1"].N {
		t.Errorf("audited %d leaves of %d", seen["audit-1"].N, seen["ingest-1"].N)
	}
	if seen["receipt-1-p50"].Value > seen["receipt-1-p99"].Value {
		t.Errorf("p50 of %v ms is above p99 of %v", seen["receipt-1-p50"].Value, seen["receipt-1-p99"].Value)
	}
}

// One measure alone brings its own figures.
func TestOneMeasure(t *testing.T) {
	seen := take(t, "ingest-1")
	for _, name := range []string{"ingest-1", "ingest-1-disk", "audit-1", "audit-1-events"} {
		if _, ok := seen[name]; !ok {
			t.Errorf("there is no figure %s", name)
		}
	}
	if seen["audit-1"].N < seen["ingest-1"].N {
		t.Errorf("audited %d leaves of %d", seen["audit-1"].N, seen["ingest-1"].N)
	}
}

// take takes one measure, or all of them, and returns the figures by their names.
func take(t *testing.T, only string) map[string]bench.Figure {
	t.Helper()
	seen := map[string]bench.Figure{}
	err := bench.Run(t.Context(), bench.Config{Dir: t.TempDir(), Only: only, Duration: 250 * time.Millisecond, Rows: 32_000}, func(f bench.Figure) {
		if f.Value <= 0 || f.N <= 0 || f.Unit == "" || !strings.Contains(f.Conditions, "cores") {
			t.Errorf("figure %+v", f)
		}
		if _, twice := seen[f.Name]; twice {
			t.Errorf("figure %s was reported twice", f.Name)
		}
		seen[f.Name] = f
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestUnknownMeasure(t *testing.T) {
	err := bench.Run(t.Context(), bench.Config{Dir: t.TempDir(), Only: "speed"}, func(bench.Figure) {})
	if !errors.Is(err, bench.ErrUnknown) {
		t.Errorf("error %v", err)
	}
}
