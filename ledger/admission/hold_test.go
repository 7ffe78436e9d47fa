package admission

import (
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

func TestHoldCovers(t *testing.T) {
	at := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	said := HoldTarget{Operator: "nimbus-my", Facility: "lab-1", Actors: []string{"p-0", "p-1"}, Received: at}
	for _, c := range []struct {
		name string
		hold events.HoldPlaced
		want bool
	}{
		{"unbounded", events.HoldPlaced{}, true},
		{"operator", events.HoldPlaced{Operators: []string{"cirrus-my", "nimbus-my"}}, true},
		{"another operator", events.HoldPlaced{Operators: []string{"cirrus-my"}}, false},
		{"facility", events.HoldPlaced{Facilities: []string{"lab-1"}}, true},
		{"another facility", events.HoldPlaced{Facilities: []string{"lab-2"}}, false},
		{"actor", events.HoldPlaced{Actors: []string{"p-1"}}, true},
		{"another actor", events.HoldPlaced{Actors: []string{"p-2"}}, false},
		{"from then", events.HoldPlaced{From: events.At(at)}, true},
		{"from later", events.HoldPlaced{From: events.At(at.Add(1))}, false},
		{"to then, which is the first moment after", events.HoldPlaced{To: events.At(at)}, false},
		{"to later", events.HoldPlaced{To: events.At(at.Add(1))}, true},
		{"all of one but not of another", events.HoldPlaced{Operators: []string{"nimbus-my"}, Actors: []string{"p-2"}}, false},
	} {
		if got := (&Hold{HoldPlaced: c.hold}).Covers(said); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	nobody := HoldTarget{Operator: "nimbus-my", Facility: "lab-1", Received: at}
	if (&Hold{HoldPlaced: events.HoldPlaced{Actors: []string{"p-1"}}}).Covers(nobody) {
		t.Error("a hold on a pseudonym covers what names none")
	}
}
