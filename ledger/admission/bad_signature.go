package admission

import (
	"crypto/ed25519"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/ed25519batch"
)

// signature is what is known of one of a candidate's signatures before its turn.
type signature struct {
	checked, good bool
	// waiting is what Ed25519 signatures of many candidates are checked together by.
	waiting *ed25519batch.Signature
}

// findKeys finds beforehand each signature whose key is known by now. A key's id is its
// digest, so what is found can't change with the registry.
func findKeys(r *Rules, c *Candidate) error {
	message := c.Envelope.SignedBytes()
	c.signatures = make([]signature, len(c.Envelope.Signatures))
	for i, sig := range c.Envelope.Signatures {
		found, ok := r.keys.Load(sig.KeyID)
		if !ok {
			continue
		}
		key := found.(events.PublicKey)
		if ed, ok := key.Crypto().(ed25519.PublicKey); ok {
			c.signatures[i].waiting = &ed25519batch.Signature{Key: ed, Message: message, Sig: sig.Sig, Sender: senderOf(c.Subject)}
		} else {
			c.signatures[i] = signature{checked: true, good: key.Verify(message, sig.Sig)}
		}
	}
	return nil
}

// senderOf returns the part of a subject that says who may publish to it: its first two
// names.
func senderOf(subject string) string {
	kind, rest, _ := strings.Cut(subject, ".")
	name, _, _ := strings.Cut(rest, ".")
	return subject[:min(len(kind)+1+len(name), len(subject))]
}

// verifySignatures checks beforehand what is waiting, all together.
func (r *Rules) verifySignatures(candidates []*Candidate) {
	var waiting []ed25519batch.Signature
	var of []*signature
	for _, c := range candidates {
		for i := range c.signatures {
			if s := &c.signatures[i]; s.waiting != nil {
				waiting, of = append(waiting, *s.waiting), append(of, s)
			}
		}
	}
	for i, good := range r.verifier.Verify(waiting) {
		*of[i] = signature{checked: true, good: good}
	}
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
