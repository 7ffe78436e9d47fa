package vocabulary

import (
	"errors"
	"fmt"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/schema"
)

// Consistency is a choice of the rules by which an event must not contradict itself: what its schema can't state,
// because it is about two of its values. It looks at one event alone. It is immutable, and safe for concurrent use.
type Consistency struct{ rules map[string][]rule } // by event type

// rule is what one type of event must hold to.
type rule struct {
	name, eventType string
	judge           func(*events.Event) error
}

// NewConsistency returns the rules of these names, as a rule set lists them. A name's rules never change: what is to
// be judged otherwise gets another name, so that verdicts can be recomputed.
func NewConsistency(names []string) (*Consistency, error) {
	c := &Consistency{map[string][]rule{}}
	for _, name := range names {
		found := false
		for _, r := range allRules {
			if r.name == name {
				c.rules[r.eventType] = append(c.rules[r.eventType], r)
				found = true
			}
		}
		if !found {
			return nil, fmt.Errorf("this program has no rule of consistency %q", name)
		}
	}
	return c, nil
}

// Judge says in what an event contradicts itself, as an [*schema.Error] whose keyword is the rule's name. The event
// must satisfy its schema.
func (c *Consistency) Judge(e *events.Event) error {
	for _, r := range c.rules[e.Type] {
		err := r.judge(e)
		if err == nil {
			continue
		}
		wrong, ok := errors.AsType[*schema.Error](err)
		if !ok { // its schema lets it be, and it can't be read
			wrong = &schema.Error{Path: "data", Message: err.Error()}
		}
		wrong.Keyword = r.name
		return wrong
	}
	return nil
}

// RuleNames returns the names of all rules of consistency, in the order in which they are judged.
func RuleNames() []string {
	var names []string
	for _, r := range allRules {
		if len(names) == 0 || names[len(names)-1] != r.name {
			names = append(names, r.name)
		}
	}
	return names
}

var all = sync.OnceValue(func() *Consistency {
	c, err := NewConsistency(RuleNames())
	if err != nil {
		panic(err) // they are its own names
	}
	return c
})

// Consistent says in what an event contradicts itself, by all rules; see [Consistency.Judge].
func Consistent(e *events.Event) error { return all().Judge(e) }

// on makes a rule of a kind of event.
func on[D any](name string, k Kind[D], judge func(source string, data D) error) rule {
	return rule{name, k.name, func(e *events.Event) error {
		var data D
		if err := jsonv2.Unmarshal(e.Data, &data); err != nil {
			return err
		}
		return judge(e.Source, data)
	}}
}

// wrong says what is wrong, and where.
func wrong(path, format string, args ...any) error {
	return &schema.Error{Path: path, Message: fmt.Sprintf(format, args...)}
}
