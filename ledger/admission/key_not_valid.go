package admission

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// keyNotValid: a signature's key was revoked by a leaf before this one, or it is a
// recovery key, and this is no rotation. The time from which a revocation counts only
// raises findings.
func keyNotValid(s *State, c *Candidate) error {
	for _, sig := range c.Envelope.Signatures {
		switch key := s.Registry.keys[sig.KeyID]; {
		case key.revoked:
			return fmt.Errorf("key %.12s was revoked by leaf %d", sig.KeyID, key.revokedBy)
		case key.recovery && (len(c.Events) != 1 || c.Events[0].Type != events.TypeAuthorityRotated):
			return fmt.Errorf("key %.12s is a recovery key: it signs nothing but the rotation of its authority's key", sig.KeyID)
		}
	}
	return nil
}
