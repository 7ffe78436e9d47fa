package admission

import "fmt"

// missingSignature: there are fewer signatures, each by a key of its own, than
// the recorder demands: one, unless it was declared with more.
func missingSignature(s *State, c *Candidate) error {
	want := 1
	if r := s.Registry.recorders[c.Envelope.Manifest.Recorder]; r != nil {
		want = max(want, r.Signatures)
	}
	if got := len(c.Envelope.Signatures); got < want {
		return fmt.Errorf("%d signatures where %d are demanded", got, want)
	}
	return nil
}
