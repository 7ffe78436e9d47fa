package vocabulary

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/events"
)

// Speaker is who may say the events of a type.
type Speaker uint8

const (
	Operator  Speaker = iota + 1 // from a recorder of its own
	Authority                    // in its registry
	Ledger                       // the ledger itself
	First                        // the authority that begins the ledger, in leaf 0 and nowhere else
)

func (s Speaker) String() string {
	return [...]string{"nobody", "operator", "authority", "ledger", "genesis"}[s]
}

// Type is a line of the table of event types.
type Type struct {
	Name    string
	Speaker Speaker
	New     func() any // returns a pointer to an empty value of the Go type of the data
}

// Family returns the family of the type, which is part of its name; see [events.FamilyOf].
func (t *Type) Family() string { return events.FamilyOf(t.Name) }

// lines is the table in the order in which it is written. Only the declarations of table.go append to it.
var lines []*Type

func line[D any](s Speaker, name string) Kind[D] {
	lines = append(lines, &Type{Name: name, Speaker: s, New: func() any { return new(D) }})
	return Kind[D]{name}
}

func byOperator[D any](name string) Kind[D]  { return line[D](Operator, name) }
func byAuthority[D any](name string) Kind[D] { return line[D](Authority, name) }
func byLedger[D any](name string) Kind[D]    { return line[D](Ledger, name) }
func onlyFirst[D any](name string) Kind[D]   { return line[D](First, name) }

var byName = sync.OnceValue(func() map[string]*Type {
	table := make(map[string]*Type, len(lines))
	for _, t := range lines {
		table[t.Name] = t
	}
	return table
})

// Types returns the event types of the table, sorted by name.
func Types() []*Type {
	return slices.SortedFunc(slices.Values(lines), func(a, b *Type) int { return strings.Compare(a.Name, b.Name) })
}

// TypeOf returns the line of an event type, or nil if the table has none.
func TypeOf(eventType string) *Type { return byName()[eventType] }

// SaidBy reports whether a recorder may say events of a type. Nobody may say a genesis: leaf 0 is judged apart.
func SaidBy(eventType string, r events.Recorder) bool {
	t := TypeOf(eventType)
	if t == nil {
		return false
	}
	switch t.Speaker {
	case Operator:
		return r.IsOperator()
	case Authority:
		return r.IsRegistry()
	case Ledger:
		return r.IsLedger()
	}
	return false
}

// strict are the options by which the data of events is read, in admission and everywhere after it: no name twice, no
// member that the Go type doesn't have, names in their own case, valid UTF-8.
var strict = jsonv2.JoinOptions(jsonv2.RejectUnknownMembers(true))

// Decode reads the data of an event into a new value of the Go type that the table has for its type, and returns the
// pointer to it. It returns an error if the table has no such type, and if the data doesn't fit. It is safe for
// concurrent use.
//
// Admission refuses events that Decode can't read, by rule sets from 3 on: whatever they accept, every later reader
// reads alike. The verifier (ledger/verify) has a reader of its own, so that one mistake here doesn't reach both.
func Decode(e *events.Event) (any, error) {
	t := TypeOf(e.Type)
	if t == nil {
		return nil, fmt.Errorf("decode data of %.140q: the vocabulary has no such event type", e.Type)
	}
	data := t.New()
	if err := decodeInto(e, data); err != nil {
		return nil, err
	}
	return data, nil
}

// Decode reads the data of an event of this type, as [Decode] does.
func (k Kind[D]) Decode(e *events.Event) (data D, err error) {
	if e.Type != k.name {
		return data, fmt.Errorf("decode data of %s: the event is of type %.140q", k.name, e.Type)
	}
	err = decodeInto(e, &data)
	return data, err
}

func decodeInto(e *events.Event, data any) error {
	if err := jsonv2.Unmarshal(e.Data, data, strict); err != nil {
		return fmt.Errorf("decode data of %s: %w", e.Type, err)
	}
	return nil
}
