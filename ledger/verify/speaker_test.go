package verify

import (
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// TestSaidBy compares the verifier's rule with the table that admission uses.
func TestSaidBy(t *testing.T) {
	operator, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	recorders := []events.Recorder{operator, events.RegistryRecorder("mcmc"), events.LedgerRecorder}
	for _, line := range vocabulary.Types() {
		later := line.Name[:strings.LastIndex(line.Name, ".v")] + ".v23"
		for _, r := range recorders {
			want := vocabulary.SaidBy(line.Name, r)
			if saidBy(line.Name, r) != want || saidBy(later, r) != want {
				t.Errorf("%s, or its version 23, by %s: the verifier and the table of events/vocabulary disagree: mend saidBy in ledger/verify", line.Name, r)
			}
		}
	}
}
