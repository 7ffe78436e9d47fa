package admission

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
)

// unknownType: the rule set has no schema for an event's type.
func unknownType(r *Rules, c *Candidate) error {
	for i, e := range c.Events {
		if e == nil { // erased
			continue
		}
		if !r.schemas.Known(e.Type) {
			return fmt.Errorf("line %d: type %.140q is not in this ledger's rule set", i+2, e.Type)
		}
	}
	return nil
}

// typeNotSaidHere: a registry event by an operator, an operator's event by an
// authority, or a type that is the ledger's own to say.
func typeNotSaidHere(s *State, c *Candidate) error {
	recorder := c.Envelope.Manifest.Recorder
	for i, e := range c.Events {
		if e == nil {
			continue
		}
		if !vocabulary.SaidBy(e.Type, recorder) && !(events.IsGenesis(e.Type) && s.Registry.bootstrapping) {
			return fmt.Errorf("line %d: %s is not for %s to say", i+2, e.Type, recorder)
		}
	}
	return nil
}
