package schemas

import (
	"path"
	"strings"
)

// Example is a whole event line that its schemas accept or refuse.
type Example struct {
	Type  string // the event type it belongs to; EventName where the line itself is the subject
	Name  string // what is particular about it
	Valid bool
	Event []byte // indented for reading, so not yet a line
}

// Examples returns all examples, sorted by type and name. An invalid one is wrong in exactly one way.
func Examples() []Example {
	var examples []Example
	for _, p := range glob("examples/*/*.json") {
		event, _ := read(p)
		name := strings.TrimSuffix(path.Base(p), ".json")
		verdict, name, _ := strings.Cut(name, "-")
		examples = append(examples, Example{
			Type:  path.Base(path.Dir(p)),
			Name:  name,
			Valid: verdict == "valid",
			Event: event,
		})
	}
	return examples
}
