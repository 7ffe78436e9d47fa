package events

import (
	"encoding/json"
	"slices"
)

// Actor returns the pseudonym of who acted, empty if the event's data names none.
func (e *Event) Actor() string {
	var data struct {
		Actor struct {
			ID string `json:"id"`
		} `json:"actor"`
	}
	if json.Unmarshal(e.Data, &data) != nil {
		return ""
	}
	return data.Actor.ID
}

// Pseudonyms returns the pseudonyms that the event's data names, sorted: the actor's,
// and an escort's, decider's or approver's. An object names one if it has an id and the
// party of whoever has it.
func (e *Event) Pseudonyms() []string {
	var data any
	if json.Unmarshal(e.Data, &data) != nil {
		return nil
	}
	var names []string
	collectPseudonyms(data, &names)
	slices.Sort(names)
	return slices.Compact(names)
}

func collectPseudonyms(v any, names *[]string) {
	switch v := v.(type) {
	case map[string]any:
		id, hasID := v["id"].(string)
		if _, hasParty := v["party"].(string); hasID && hasParty {
			*names = append(*names, id)
		}
		for _, member := range v {
			collectPseudonyms(member, names)
		}
	case []any:
		for _, element := range v {
			collectPseudonyms(element, names)
		}
	}
}
