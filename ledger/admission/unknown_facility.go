package admission

import "fmt"

// unknownFacility: no authority has declared the facility.
func unknownFacility(s *State, c *Candidate) error {
	recorder := c.Envelope.Manifest.Recorder
	if recorder.IsOperator() && s.Registry.facilities[recorder.Facility] == nil {
		return fmt.Errorf("facility %s is not declared", recorder.Facility)
	}
	return nil
}
