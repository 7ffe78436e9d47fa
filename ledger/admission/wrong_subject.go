package admission

import "fmt"

// wrongSubject: subject, manifest, the owner of each key and every event's source
// do not agree on who is speaking. The broker vouches for the subject alone, the
// signature for the manifest: both must say the same.
func wrongSubject(s *State, c *Candidate) error {
	recorder := c.Envelope.Manifest.Recorder
	if want := recorder.Subject(); c.Subject != want {
		return fmt.Errorf("the manifest is %s's, which publishes on %s, not here", recorder, want)
	}
	for _, sig := range c.Envelope.Signatures {
		if key := s.Registry.keys[sig.KeyID]; key != nil && key.party != recorder.Party() {
			return fmt.Errorf("key %.12s belongs to somebody else", sig.KeyID)
		}
	}
	for i, e := range c.Events {
		if e == nil { // erased
			continue
		}
		if want := recorder.Source(); e.Source != want {
			return fmt.Errorf("line %d: source %.140q: want %q", i+2, e.Source, want)
		}
	}
	return nil
}
