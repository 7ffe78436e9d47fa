package events

import "strings"

var genesisName = nameOf(TypeGenesis)

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
