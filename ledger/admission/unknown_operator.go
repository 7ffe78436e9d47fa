package admission

import "fmt"

// unknownOperator: the manifest's recorder belongs to an operator that was never
// admitted, or to an authority that is none.
func unknownOperator(s *State, c *Candidate) error {
	recorder := c.Envelope.Manifest.Recorder
	switch {
	case recorder.IsOperator() && s.Registry.operators[recorder.Owner] == nil:
		return fmt.Errorf("operator %s is not admitted", recorder.Owner)
	case recorder.IsRegistry() && s.Registry.authorities[recorder.Owner] == nil:
		return fmt.Errorf("%s is not an authority of this ledger", recorder.Owner)
	}
	return nil
}
