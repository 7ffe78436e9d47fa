package admission

import "fmt"

// unknownRecorder: no authority has declared the recorder.
func unknownRecorder(s *State, c *Candidate) error {
	recorder := c.Envelope.Manifest.Recorder
	if recorder.IsOperator() && s.Registry.recorders[recorder] == nil {
		return fmt.Errorf("recorder %s is not declared", recorder)
	}
	return nil
}
