// Package schema validates events against the JSON Schemas of a rule set, fast enough
// for admission.
//
// The schema files are the judge: they are compiled here into a validator that walks an event's bytes once. Only the
// keywords those files use are understood; any other is an error when compiling, never ignored. What an event type
// means lives in package events, the schemas themselves in package schemas; neither is repeated here.
//
// Not here: the schemas themselves, which are in schemas, and the meaning of types,
// which is in events.
package schema

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/saksi-ledger/saksi/schemas"
)

// Set is the compiled schemas of one rule set. It is immutable, and safe for concurrent use.
type Set struct {
	data map[string]*node // by event type, of data alone
	line map[string]*node // by event type, of the whole line
}

// sets are the compiled sets, by the digests of their rule sets.
var sets sync.Map

// Of returns the schemas of a rule set of this program, which has the digest. They are
// compiled once in a process and shared. It returns false where there is no such rule set.
func Of(digest string) (set *Set, ok bool, err error) {
	ruleset, ok := schemas.Ruleset(digest)
	if !ok {
		return nil, false, nil
	}
	compiled, _ := sets.LoadOrStore(digest, sync.OnceValues(func() (*Set, error) { return Compile(ruleset) }))
	set, err = compiled.(func() (*Set, error))()
	return set, true, err
}

// Compile compiles the schemas that a rule set names by digest.
func Compile(ruleset []byte) (*Set, error) {
	var pins struct {
		Schemas map[string]string `json:"schemas"`
	}
	if err := json.Unmarshal(ruleset, &pins); err != nil {
		return nil, fmt.Errorf("read rule set: %w", err)
	}
	set := &Set{data: map[string]*node{}, line: map[string]*node{}}
	for name, digest := range pins.Schemas {
		file, ok := schemas.ByDigest(digest)
		if !ok {
			return nil, fmt.Errorf("schema %s: no schema here has the digest %s", name, digest)
		}
		n, err := compile(file)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", name, err)
		}
		if n.kind != kindObject {
			return nil, fmt.Errorf("schema %s: describes no object", name)
		}
		set.data[name] = n
	}
	line, ok := set.data[schemas.EventName]
	if !ok {
		return nil, fmt.Errorf("rule set names no schema for %q", schemas.EventName)
	}
	delete(set.data, schemas.EventName)
	for eventType, data := range set.data {
		typed, err := line.withData(data)
		if err != nil {
			return nil, fmt.Errorf("schema %s: %w", schemas.EventName, err)
		}
		set.line[eventType] = typed
	}
	return set, nil
}

// Known reports whether the rule set has a schema for the event type.
func (s *Set) Known(eventType string) bool {
	_, ok := s.data[eventType]
	return ok
}

// Validate judges the data of an event of the given type. Data must be strict JSON already: UTF-8, without duplicate
// names, nested 32 deep at most. Anything else gets some verdict. The error is an [*Error].
func (s *Set) Validate(eventType string, data []byte) error {
	n, ok := s.data[eventType]
	if !ok {
		return unknownType(eventType)
	}
	if err := walk(n, data); err != nil {
		return err.within("data")
	}
	return nil
}

// ValidateEvent judges a whole event line in one pass: its attributes, and its data by the given type, which is the
// line's own. The line must be strict JSON already, as for [Set.Validate]. The error is an [*Error].
func (s *Set) ValidateEvent(eventType string, line []byte) error {
	n, ok := s.line[eventType]
	if !ok {
		return unknownType(eventType)
	}
	if err := walk(n, line); err != nil {
		return err
	}
	return nil
}
