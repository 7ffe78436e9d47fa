package events

import (
	"slices"
	"strings"
)

// registryPrefix begins the types that only authorities and the ledger say.
const registryPrefix = "saksi.registry."

// SaidBy reports whether a type is a recorder's to say: registry events are an
// authority's, but for epochs, clocks, anchors, timestamps and cosigned checkpoints, which are the ledger's; all
// others are operators'. The genesis is nobody's after leaf 0. A type's version makes
// no difference: a .v2 may stand beside its .v1, and is the same recorders' to say.
func SaidBy(eventType string, r Recorder) bool {
	name := nameOf(eventType)
	switch {
	case name == genesisName:
		return false
	case slices.Contains(ledgerNames, name):
		return r.IsLedger()
	case strings.HasPrefix(name, registryPrefix):
		return r.IsRegistry()
	}
	return r.IsOperator()
}

var (
	genesisName = nameOf(TypeGenesis)
	ledgerNames = []string{nameOf(TypeEpochOpened), nameOf(TypeClock), nameOf(TypeAnchorRecorded), nameOf(TypeCheckpointCosigned), nameOf(TypeTimestampRecorded)}
)

// FamilyOf returns the family of a type: the word after "saksi", as in access,
// facility, attestation, registry and sealed; empty if it is no type of ours.
func FamilyOf(eventType string) string {
	rest, ok := strings.CutPrefix(eventType, "saksi.")
	if !ok {
		return ""
	}
	family, _, _ := strings.Cut(rest, ".")
	return family
}

// nameOf returns a type without the version, such as .v1, at its end.
func nameOf(eventType string) string {
	at := strings.LastIndexByte(eventType, '.')
	if at < 0 || len(eventType) < at+3 || eventType[at+1] != 'v' {
		return eventType
	}
	for _, c := range []byte(eventType[at+2:]) {
		if c < '0' || c > '9' {
			return eventType
		}
	}
	return eventType[:at]
}
