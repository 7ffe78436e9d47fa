package events

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Scope is what a registry event bears on, as far as mandates go.
type Scope struct {
	Authority  string   `json:"authority"`
	Operator   string   `json:"operator"`
	Operators  []string `json:"operators"`
	Facility   string   `json:"facility"`
	Facilities []string `json:"facilities"`
	Recorder   string   `json:"recorder"`
}

// ScopeOf reads what a registry event bears on.
func ScopeOf(e *Event) (b Scope, err error) {
	if err := json.Unmarshal(e.Data, &b); err != nil {
		return b, fmt.Errorf("data of %s: %w", e.Type, err)
	}
	return b, nil
}

// OfFacilities are the facilities that the event bears on; [All] if it bounds itself to none.
func (b Scope) OfFacilities() []string {
	switch _, after, _ := strings.Cut(b.Recorder, "/"); {
	case b.Facility != "":
		return []string{b.Facility}
	case b.Recorder != "":
		facility, _, _ := strings.Cut(after, "/")
		return []string{facility}
	case len(b.Facilities) > 0:
		return b.Facilities
	}
	return []string{All}
}

// OfOperators are the operators that it bears on; [All] if it bounds itself to none.
func (b Scope) OfOperators() []string {
	switch owner, _, _ := strings.Cut(b.Recorder, "/"); {
	case b.Operator != "":
		return []string{b.Operator}
	case owner != "":
		return []string{owner}
	case len(b.Operators) > 0:
		return b.Operators
	}
	return []string{All}
}
