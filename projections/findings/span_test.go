package findings

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0:                                     "0 seconds",
		400 * time.Millisecond:                "0 seconds",
		time.Second:                           "1 second",
		90 * time.Second:                      "1 minute 30 seconds",
		25 * time.Hour:                        "1 day 1 hour",
		now.Sub(now.AddDate(-3, 0, 0)):        "3 years 1 day",
		now.Sub(time.Time{}.AddDate(0, 0, 1)): "more than 292 years",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%d) is %q, want %q", d, got, want)
		}
	}
}
