package admission

import (
	"slices"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// admitAuthority admits an authority. Admitting it again, which whoever admitted it
// may, changes its mandate: its keys change by rotation alone, so that nobody can
// take another's voice.
func (r *Registry) admitAuthority(said speech, d events.AuthorityAdmitted) (func(), *refusal) {
	before := r.authorities[d.Authority]
	if before != nil {
		public, err := r.parseKey(d.Key)
		switch {
		case err != nil:
			return nil, refuse("schema", "%w", err)
		case public.ID() != before.Key:
			return nil, refuse("wrong_subject", "authority %s has another key, which only its own rotation changes", d.Authority)
		}
		now := *before
		now.Mandate, now.Leaf = d.Mandate, said.leaf
		set(r.authorities, d.Authority, &now)
		return func() { set(r.authorities, d.Authority, before) }, nil
	}
	now := &Authority{Name: d.Authority, Mandate: d.Mandate, Recipient: d.Recipient, RecipientLeaf: said.leaf, AdmittedBy: said.by, Leaf: said.leaf}
	key, undoKey, refused := r.addAuthorityKey(d.Authority, d.Key, false)
	if refused != nil {
		return nil, refused
	}
	now.Key = key
	undoRecovery := func() {}
	if d.RecoveryKey != "" {
		if now.Recovery, undoRecovery, refused = r.addAuthorityKey(d.Authority, d.RecoveryKey, true); refused != nil {
			undoKey()
			return nil, refused
		}
	}
	set(r.authorities, d.Authority, now)
	return func() { undoRecovery(); undoKey(); set(r.authorities, d.Authority, nil) }, nil
}

// addAuthorityKey registers a key that nobody has had.
func (r *Registry) addAuthorityKey(authority, text string, recovery bool) (events.KeyID, func(), *refusal) {
	public, err := r.parseKey(text)
	if err != nil {
		return "", nil, refuse("schema", "%w", err)
	}
	id := public.ID()
	switch known := r.keys[id]; {
	case known == nil:
	case known.revoked:
		return "", nil, refuse("key_not_valid", "key %.12s was revoked by leaf %d and can't return", id, known.revokedBy)
	default:
		return "", nil, refuse("wrong_subject", "key %.12s is registered already", id)
	}
	r.keys[id] = &key{public: public, party: events.RegistryRecorder(authority).Party(), recovery: recovery}
	r.newKeys = append(r.newKeys, public)
	return id, func() { delete(r.keys, id) }, nil
}

// rotateAuthority replaces an authority's key. The old key or the recovery key has
// signed; a recovery key is replaced only by itself, so that a stolen key can't lock
// its owner out.
func (r *Registry) rotateAuthority(said speech, d events.AuthorityRotated) (func(), *refusal) {
	before := r.authorities[d.Authority]
	switch {
	case before == nil || d.Authority != said.by:
		return nil, refuse("wrong_subject", "%s can't rotate a key of %s", said.by, d.Authority)
	case events.KeyID(d.Replaces) != before.Key:
		return nil, refuse("unknown_key", "key %.12s is not what %s signs with", d.Replaces, d.Authority)
	case d.RecoveryKey != "" && (before.Recovery == "" || !slices.Contains(said.signers, before.Recovery)):
		return nil, refuse("missing_signature", "only the recovery key of %s can name another", d.Authority)
	}
	now := *before
	var undo []func()
	revert := func() {
		for _, u := range slices.Backward(undo) {
			u()
		}
		set(r.authorities, d.Authority, before)
	}
	replace := func(text string, recovery bool, old events.KeyID) (events.KeyID, *refusal) {
		id, undoKey, refused := r.addAuthorityKey(d.Authority, text, recovery)
		if refused != nil {
			return "", refused
		}
		undo = append(undo, undoKey)
		if k := r.keys[old]; k != nil {
			k.revoked, k.revokedBy = true, said.leaf
			undo = append(undo, func() { k.revoked, k.revokedBy = false, 0 })
		}
		return id, nil
	}
	var refused *refusal
	if now.Key, refused = replace(d.Key, false, before.Key); refused != nil {
		revert()
		return nil, refused
	}
	if d.RecoveryKey != "" {
		if now.Recovery, refused = replace(d.RecoveryKey, true, before.Recovery); refused != nil {
			revert()
			return nil, refused
		}
	}
	set(r.authorities, d.Authority, &now)
	return revert, nil
}

// rotateRecipient says to whom what is for an authority's eyes is encrypted.
func (r *Registry) rotateRecipient(said speech, d events.RecipientRotated) (func(), *refusal) {
	before := r.authorities[d.Authority]
	if before == nil {
		return nil, refuse("unknown_authority", "authority %s is not admitted", d.Authority)
	}
	now := *before
	if before.Recipient != "" && before.Recipient != d.Recipient {
		now.Former = append(slices.Clip(before.Former), FormerRecipient{before.Recipient, before.RecipientLeaf})
	}
	now.Recipient, now.RecipientLeaf = d.Recipient, said.leaf
	set(r.authorities, d.Authority, &now)
	return func() { set(r.authorities, d.Authority, before) }, nil
}

// adoptWitnesses puts another policy in place. One that nobody can read, or that is for
// other logs, asks nobody.
func (r *Registry) adoptWitnesses(d events.WitnessesAdopted) (func(), *refusal) {
	if d.Policy != "" {
		policy, err := formats.ParsePolicy([]byte(d.Policy))
		switch {
		case err != nil:
			return nil, refuse("inconsistent", "the policy: %w", err)
		case len(policy.Logs) > 0 && !slices.Contains(policy.Logs, r.Genesis.LogKey):
			return nil, refuse("inconsistent", "the policy is for other logs than this one, %s", r.Genesis.LogKey)
		}
	}
	before := r.witnesses
	r.witnesses = &d.Policy
	return func() { r.witnesses = before }, nil
}

// WitnessPolicy returns the policy of witnesses in force, as it is written; empty where
// there are none.
func (r *Registry) WitnessPolicy() string {
	if r.witnesses != nil {
		return *r.witnesses
	}
	return r.Genesis.WitnessPolicy
}

// adoptRuleset lets another rule set judge from the next leaf on. One that this
// program doesn't have is no refusal: a newer program will follow it, so this one
// must stop.
func (r *Registry) adoptRuleset(d events.RulesetAdopted) (func(), *refusal) {
	digest, err := events.ParseDigest(d.Ruleset)
	if err != nil {
		return nil, refuse("schema", "%w", err)
	}
	rules, err := Load(digest)
	if err != nil {
		return nil, refuse("", "%w", err)
	}
	before := r.adopted
	r.adopted = rules
	return func() { r.adopted = before }, nil
}
