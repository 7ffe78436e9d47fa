package monitor

import (
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

// TestAnchorPolicy has leaves come to stand in some of three Rekors, and time go by: they
// wait from when they came until as many have them as the policy wants.
func TestAnchorPolicy(t *testing.T) {
	now := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	for text, steps := range map[string][]struct {
		rekor string // that has come up to size
		size  uint64
		waits bool // after three hours without anything else
	}{
		"all": {{"", 0, true}, {"a", 10, true}, {"b - 17", 12, true}, {"c", 9, true}, {"c", 10, false}},
		"2":   {{"", 0, true}, {"a", 10, true}, {"a", 11, true}, {"c", 10, false}},
		"any": {{"", 0, true}, {"b - 18", 9, true}, {"b - 18", 10, false}},
	} {
		policy, err := verify.ParseAnchorPolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		var said []Sighting
		m := &Monitor{worst: Info, config: Config{
			Anchors: policy, Stale: 2 * time.Hour, Now: func() time.Time { return now }, Report: func(s Sighting) { said = append(said, s) },
			Trust: &verify.Trust{Rekors: []verify.TrustedRekor{{Origin: "a", Version: 2}, {Origin: "b", Version: 1}, {Origin: "c", Version: 2}}},
		}}
		k := &kept{state: state{Spoken: 10, WaitsSince: now, Believed: map[string]uint64{}}}
		v := &view{Monitor: m, kept: k}
		for i, step := range steps {
			if step.rekor != "" {
				v.believe(&verify.Anchor{Rekor: step.rekor}, step.size)
			}
			said = nil
			m.unanchored(k)
			before := len(said) > 0
			now = now.Add(3 * time.Hour)
			said = nil
			m.unanchored(k)
			if waits := len(said) == 1 && said[0].Kind == Unanchored && said[0].Level == Trouble; waits != step.waits {
				t.Errorf("%s, step %d: %+v, before that %v: want %v", text, i, said, before, step.waits)
			}
		}
	}
	// What waits now came after what is anchored now: it isn't said to have waited as long.
	m := &Monitor{config: Config{Stale: 2 * time.Hour, Now: func() time.Time { return now }, Report: func(Sighting) { t.Error("it is reported too soon") },
		Trust: &verify.Trust{Rekors: []verify.TrustedRekor{{Origin: "a", Version: 2}}}}}
	k := &kept{state: state{Spoken: 10, WaitsSince: now.Add(-90 * time.Minute), Believed: map[string]uint64{}}}
	(&view{Monitor: m, kept: k}).believe(&verify.Anchor{Rekor: "a"}, 8)
	now = now.Add(time.Hour)
	m.unanchored(k)
}
