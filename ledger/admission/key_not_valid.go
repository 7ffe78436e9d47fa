package admission

import "fmt"

// keyNotValid: a signature's key was revoked by a leaf before this one. The time
// from which a revocation counts only raises findings.
func keyNotValid(s *State, c *Candidate) error {
	for _, sig := range c.Envelope.Signatures {
		if key := s.Registry.keys[sig.KeyID]; key.revoked {
			return fmt.Errorf("key %.12s was revoked by leaf %d", sig.KeyID, key.revokedBy)
		}
	}
	return nil
}
