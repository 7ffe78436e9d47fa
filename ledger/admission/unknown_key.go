package admission

import "fmt"

// unknownKey: a signature names a key that was never registered.
func unknownKey(s *State, c *Candidate) error {
	for _, sig := range c.Envelope.Signatures {
		if s.Registry.keys[sig.KeyID] == nil {
			return fmt.Errorf("key %.140q is not registered", sig.KeyID)
		}
	}
	return nil
}
