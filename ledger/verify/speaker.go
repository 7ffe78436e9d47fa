package verify

import (
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/events"
)

// saidBy reports whether a recorder may say events of a type, by the type's name: registry events are an authority's,
// except those that only the ledger says, and all others are an operator's. Nobody may say a genesis after leaf 0.
//
// Admission decides by the table in events/vocabulary. The verifier decides by the name, so that it doesn't share a
// mistake in the table, needs no schemas, and can read events of a version that is newer than it.
func saidBy(eventType string, r events.Recorder) bool {
	name, isRegistry := strings.CutPrefix(eventType, "saksi.registry.")
	if at := strings.LastIndex(name, ".v"); at >= 0 {
		name = name[:at]
	}
	switch {
	case !isRegistry:
		return r.IsOperator()
	case name == "genesis":
		return false
	case slices.Contains([]string{"epoch.opened", "clock", "anchor.recorded", "checkpoint.cosigned", "timestamp.recorded"}, name):
		return r.IsLedger()
	}
	return r.IsRegistry()
}
