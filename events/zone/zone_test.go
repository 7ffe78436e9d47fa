package zone_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events/zone"
)

func TestFor(t *testing.T) {
	for _, test := range []struct{ country, name, want string }{
		{"MY", "", "Asia/Kuala_Lumpur"}, {"SG", "", "Asia/Singapore"}, {"US", "", ""}, {"ID", "", ""}, {"??", "", ""},
		{"US", "America/New_York", "America/New_York"}, {"MY", "Asia/Kuching", "Asia/Kuching"},
		{"MY", "Asia/Nowhere", ""}, {"MY", "Local", ""}, {"MY", "../etc/passwd", ""}, {"MY", "+08:00", ""},
	} {
		got, err := zone.For(test.country, test.name)
		if got != test.want || (err == nil) != (test.want != "") || err != nil && !errors.Is(err, zone.ErrUnknown) {
			t.Errorf("%s %q: %q, %v, want %q", test.country, test.name, got, err, test.want)
		}
	}
}

// The table of countries is what the machine's zone.tab says: a country is in it if all its zones have kept the same
// time since 2020.
func TestCountries(t *testing.T) {
	text, err := os.ReadFile("/usr/share/zoneinfo/zone.tab")
	if err != nil {
		t.Skip("there is no zone.tab here")
	}
	zones := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) > 2 && !strings.HasPrefix(line, "#") {
			zones[fields[0]] = append(zones[fields[0]], fields[2])
		}
	}
	if len(zones) < 200 {
		t.Fatalf("zone.tab has %d countries", len(zones))
	}
	for country, names := range zones {
		var first *time.Location
		same := true
		for _, name := range names {
			l, err := zone.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = l
			}
			for at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2026; at = at.AddDate(0, 0, 9) {
				_, a := at.In(first).Zone()
				_, b := at.In(l).Zone()
				same = same && a == b
			}
		}
		switch got, err := zone.For(country, ""); {
		case same && (err != nil || !slices.Contains(names, got)):
			t.Errorf("%s: %q, %v, want one of %v", country, got, err, names)
		case !same && err == nil:
			t.Errorf("%s has more than one time and is in %s", country, got)
		}
	}
}
