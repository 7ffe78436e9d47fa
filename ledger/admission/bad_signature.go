package admission

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// verifySignatures checks beforehand each signature whose key is known by now.
// A key's id is its digest, so the answer can't change with the registry.
func verifySignatures(r *Rules, c *Candidate) error {
	message := c.Envelope.SignedBytes()
	c.signatures = make([]signature, len(c.Envelope.Signatures))
	for i, sig := range c.Envelope.Signatures {
		if key, ok := r.keys.Load(sig.KeyID); ok {
			c.signatures[i] = signature{checked: true, good: key.(events.PublicKey).Verify(message, sig.Sig)}
		}
	}
	return nil
}

// badSignature: a signature is not one of its key over this manifest. One that
// holds beside it doesn't help.
func badSignature(s *State, c *Candidate) error {
	for i, sig := range c.Envelope.Signatures {
		good := c.signatures[i].good
		if !c.signatures[i].checked {
			good = s.Registry.keys[sig.KeyID].public.Verify(c.Envelope.SignedBytes(), sig.Sig)
		}
		if !good {
			return fmt.Errorf("the signature by key %.12s does not hold", sig.KeyID)
		}
	}
	return nil
}
