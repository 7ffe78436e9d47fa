package vocabulary

import (
	"fmt"
	"strings"
	"sync"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/schemas"
)

// newest is the newest rule set's schemas.
var newest = sync.OnceValue(func() *schema.Set {
	set, ok, err := schema.Of(schemas.Digest(schemas.CurrentRuleset()))
	if err != nil || !ok {
		panic(fmt.Sprintf("the newest rule set: %v", err)) // the program was built with a rule set that it doesn't understand
	}
	return set
})

// Check says what is wrong with an event, by the newest rule set: that its type has no schema, or is not for its
// source to say (a genesis is anybody's here); or, as an [*schema.Error], what is wrong with its form or in which it
// contradicts itself. It returns nil for an event that admission will take, if it may come from where it does.
func Check(e *events.Event) error {
	line, err := e.Marshal()
	if err != nil {
		return err
	}
	return CheckLine(line)
}

// CheckLine is [Check] of an event as it is written. What is not strict JSON, or no event, is an error too.
func CheckLine(line []byte) error {
	e, err := events.ParseEvent(line)
	if err != nil {
		return err
	}
	if !newest().Known(e.Type) {
		return fmt.Errorf("type %.80q has no schema: saksi schema list shows those that have", e.Type)
	}
	recorder, err := events.ParseRecorder(strings.TrimPrefix(e.Source, "/"))
	if err == nil && !SaidBy(e.Type, recorder) && !events.IsGenesis(e.Type) {
		return fmt.Errorf("type %.80q is not for %s to say", e.Type, recorder)
	}
	if err := newest().ValidateEvent(e.Type, line); err != nil {
		return err
	}
	return Consistent(e)
}
