package broker

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/schemas"
)

var parameter = regexp.MustCompile(`\{[a-z]+\}`)

// TestAsyncAPIIsWhatAccountsMayReach holds the channels of the AsyncAPI document to
// what accounts exchange with the ledger's and the projections'.
func TestAsyncAPIIsWhatAccountsMayReach(t *testing.T) {
	var document struct {
		Channels map[string]struct{ Address *string }
	}
	if err := json.Unmarshal(schemas.AsyncAPI(), &document); err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{}
	o, a := operatorReach("nimbus-my"), authorityReach("mcmc")
	subjects := append(append(o.services, o.streams...), append(a.services, a.streams...)...)
	for _, m := range []Mandate{{}, {Facilities: []string{"lab-1"}, Operators: []string{"nimbus-my"}}} {
		subjects = append(subjects, m.subjects("touches")...)
	}
	for _, subject := range subjects {
		found := false
		for name, channel := range document.Channels {
			if channel.Address != nil && covers(*channel.Address, subject) {
				reached[name], found = true, true
			}
		}
		if !found {
			t.Errorf("no channel is of the subject %s", subject)
		}
	}
	for name, channel := range document.Channels {
		if channel.Address != nil && !reached[name] {
			t.Errorf("no account reaches %s (%s)", name, *channel.Address)
		}
	}
}

// covers tells whether an address, with any values for its parameters, is within a
// subject with wildcards, or is it. A party may be two tokens.
func covers(address, subject string) bool {
	pattern := "^" + parameter.ReplaceAllString(strings.ReplaceAll(address, ".", `\.`), `([a-z0-9*-]+|registry\.[a-z0-9-]+)`) + "$"
	return regexp.MustCompile(pattern).MatchString(strings.ReplaceAll(subject, ".>", ".*.*"))
}
