package admission

import "fmt"

// unknownFacility: no authority has declared the facility, or one has retired it.
func unknownFacility(s *State, c *Candidate) error {
	recorder := c.Envelope.Manifest.Recorder
	if !recorder.IsOperator() {
		return nil
	}
	switch f := s.Registry.facilities[recorder.Facility]; {
	case f == nil:
		return fmt.Errorf("facility %s is not declared", recorder.Facility)
	case f.Retired:
		return fmt.Errorf("facility %s was retired by leaf %d", recorder.Facility, f.Leaf)
	}
	return nil
}
