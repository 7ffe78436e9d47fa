package events

import (
	"testing"
	"time"
)

func TestPeriods(t *testing.T) {
	at := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for text, end := range map[string]time.Time{
		"P7Y":     time.Date(2031, 3, 1, 12, 0, 0, 0, time.UTC),
		"P1Y6M":   time.Date(2025, 8, 29, 12, 0, 0, 0, time.UTC),
		"P1M2D":   time.Date(2024, 3, 31, 12, 0, 0, 0, time.UTC),
		"P36500D": at.AddDate(0, 0, 36500),
	} {
		p, err := ParsePeriod(text)
		if err != nil {
			t.Error(err)
			continue
		}
		if p.Over(at, end.Add(-1)) || !p.Over(at, end) {
			t.Errorf("%s from %v is not over just at %v", text, at, end)
		}
	}
	if p, err := ParsePeriod("forever"); err != nil || p.Over(at, at.AddDate(9000, 0, 0)) {
		t.Errorf("forever: %v %v", p, err)
	}
	for _, text := range []string{"", "P", "PY", "7Y", "P7", "P7Y7", "P1D1Y", "P1Y1Y", "PT1H", "P0Y", "P-1Y", "P999999D", "Forever"} {
		if p, err := ParsePeriod(text); err == nil {
			t.Errorf("%q is %v", text, p)
		}
	}
}

func TestRetentionOf(t *testing.T) {
	r := Retention{Access: "P1Y", Facility: "P18M", Attestation: "forever"}
	for eventType, want := range map[string]Period{
		TypeAccessPerformed: {Years: 1}, TypeFacilityDescribed: {Months: 18}, TypeAttestationPeriod: Forever, TypeSealed: Forever,
		TypeOperatorAdmitted: Forever,
	} {
		if got, err := r.Of(eventType); err != nil || got != want {
			t.Errorf("%s: %v, %v", eventType, got, err)
		}
	}
	r.Attestation = "P400D"
	shortest, longest, err := r.Bounds()
	if err != nil || shortest != (Period{Years: 1}) || longest != (Period{Months: 18}) {
		t.Errorf("%v to %v, %v", shortest, longest, err)
	}
}
