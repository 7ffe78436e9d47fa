package bench_test

import (
	"errors"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ops/bench"
)

// Whatever one operator does, the other gets all its receipts, the ledger stands up
// to its audit, what it cost is bounded, and the node says who it was. How much
// slower the receipts were is told, and not judged: see saksi bench.
func TestHostile(t *testing.T) {
	for attack, held := range map[string]bool{
		"flood": true, "largest": true, "names": true, "denied": true, "connections": false, "extremes": false,
	} {
		t.Run(attack, func(t *testing.T) {
			if attack != "denied" {
				slowtest.Skip(t, "attacks a node for seconds")
			}
			o, err := bench.RunAttack(t.Context(), bench.Config{Dir: t.TempDir(), Duration: time.Second}, attack)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("quiet operator before %v, during %v; %d leaves, %d rejected, %d duplicates; %d MiB of disk, %d MiB of memory; %+v after %s",
				o.Before, o.During, o.Leaves, o.Rejected, o.Duplicates, o.Grown>>20, o.Memory>>20, o.Alarms, o.Named)
			if o.Receipted != o.Published || o.During.N == 0 {
				t.Errorf("of %d envelopes %d have their receipts", o.Published, o.Receipted)
			}
			alarm, was := o.Held()
			if was != held || held && (alarm.Party != o.Attacker || alarm.What == "" || !alarm.Until.After(alarm.At)) {
				t.Errorf("held: %v, %+v: want %v", was, alarm, held)
			}
			if attack == "connections" && (len(o.Alarms) == 0 || o.Alarms[0].Reason != "connections") {
				t.Errorf("of the connections it was said %+v", o.Alarms)
			}
			if o.Grown > 2<<30 {
				t.Errorf("it took %d MiB of disk", o.Grown>>20)
			}
		})
	}
}

func TestUnknownAttack(t *testing.T) {
	if _, err := bench.RunAttack(t.Context(), bench.Config{Dir: t.TempDir(), Duration: time.Second}, "spells"); !errors.Is(err, bench.ErrUnknown) {
		t.Errorf("error %v", err)
	}
}
