package evidence_test

import (
	"fmt"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/evidence"
)

// TestAuthorityAfterTheGenesis: what an operator says rests on an authority that came after the genesis, and has
// changed its key since; so does what that authority itself says.
func TestAuthorityAfterTheGenesis(t *testing.T) {
	w := newWorld(t)
	bnm := events.RegistryRecorder("bnm")
	garuda := recorder("garuda/lab-3/bastion-1")
	first, second, operator := newSigner(t), newSigner(t), newSigner(t)
	all := events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}}
	keyOf := func(s *events.Signer) string { return s.PublicKey().String() }
	admitted := w.say(registry, said{events.TypeAuthorityAdmitted, events.AuthorityAdmitted{Authority: "bnm", Key: keyOf(first), Mandate: all}})
	w.say(registry, said{events.TypeAuthorityAdmitted, events.AuthorityAdmitted{Authority: "unconcerned", Key: keyOf(newSigner(t)), Mandate: all}})
	w.signers[bnm], w.signers[garuda] = first, operator
	byFirst := w.say(bnm, said{events.TypeOperatorAdmitted, events.OperatorAdmitted{Operator: "garuda", Country: "ID", Keys: []string{keyOf(operator)}}})
	rotated := w.say(bnm, said{events.TypeAuthorityRotated, events.AuthorityRotated{
		Authority: "bnm", Key: keyOf(second), Replaces: string(first.PublicKey().ID()), Reason: "yearly",
	}})
	w.signers[bnm] = second
	w.say(bnm, said{events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-3", Country: "MY"}},
		said{events.TypeRecorderDeclared, events.RecorderDeclared{Recorder: garuda.String(), Kind: events.RecorderBastion}})
	leaf := w.say(garuda, sessionClosed)

	s := w.build(w.source(), evidence.Options{}, fmt.Sprint(leaf))
	if r := s.Records[0]; r.Operator == nil || r.Operator.By != "bnm" || r.Operator.Event.Leaf != byFirst || r.Facility.By != "bnm" {
		t.Errorf("%+v", r)
	}
	s = w.build(w.source(), evidence.Options{}, fmt.Sprint(byFirst))
	signer := s.Records[0].Signers[0]
	if signer.Party != "registry.bnm" || signer.By != "mcmc" || signer.Registered.Leaf != admitted || signer.Revoked == nil || signer.Revoked.Event.Leaf != rotated {
		t.Errorf("%+v", signer)
	}
}
