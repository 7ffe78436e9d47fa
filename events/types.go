package events

import "strings"

// registryPrefix begins the types that only authorities and the ledger say.
const registryPrefix = "saksi.registry."

// SaidBy reports whether a type is a recorder's to say: registry events are an
// authority's, but for epochs, clocks and anchors, which are the ledger's; all
// others are operators'. The genesis is nobody's after leaf 0.
func SaidBy(eventType string, r Recorder) bool {
	switch {
	case eventType == TypeGenesis:
		return false
	case eventType == TypeEpochOpened, eventType == TypeClock, eventType == TypeAnchorRecorded:
		return r.IsLedger()
	case strings.HasPrefix(eventType, registryPrefix):
		return r.IsRegistry()
	}
	return r.IsOperator()
}
