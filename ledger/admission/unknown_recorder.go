package admission

import "fmt"

// unknownRecorder: no authority has declared the recorder, or one has retired it.
func unknownRecorder(s *State, c *Candidate) error {
	recorder := c.Envelope.Manifest.Recorder
	if !recorder.IsOperator() {
		return nil
	}
	switch known := s.Registry.recorders[recorder]; {
	case known == nil:
		return fmt.Errorf("recorder %s is not declared", recorder)
	case known.Retired:
		return fmt.Errorf("recorder %s was retired by leaf %d", recorder, known.Leaf)
	}
	return nil
}
