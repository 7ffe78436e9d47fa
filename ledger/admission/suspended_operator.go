package admission

import "fmt"

// suspendedOperator: an authority has suspended the operator, and not readmitted
// it, before this leaf.
func suspendedOperator(s *State, c *Candidate) error {
	recorder := c.Envelope.Manifest.Recorder
	if recorder.IsOperator() && s.Registry.operators[recorder.Owner].Suspended {
		return fmt.Errorf("operator %s is suspended", recorder.Owner)
	}
	return nil
}
