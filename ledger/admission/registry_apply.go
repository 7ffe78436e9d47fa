package admission

import (
	"encoding/json"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// refusal is why a registry event has no effect: it refers to what is not there,
// or takes what is somebody else's.
type refusal struct {
	code string
	error
}

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Errorf(format, args...)}
}

// speech is what an authority says in one envelope: who, and with which keys.
type speech struct {
	by      string
	signers []events.KeyID
	leaf    uint64
}

func speechOf(envelope *events.Envelope, leaf uint64) speech {
	s := speech{by: envelope.Manifest.Recorder.Owner, leaf: leaf}
	for _, sig := range envelope.Signatures {
		s.signers = append(s.signers, sig.KeyID)
	}
	return s
}

// apply lets the events of one registry envelope take effect, all or none. They
// have passed their schemas. The code is that of what they refer to wrongly; without
// a code, this program can't tell what they mean.
func (r *Registry) apply(said speech, accepted []*events.Event) (code string, err error) {
	r.newKeys, r.adopted = nil, nil
	var undo []func()
	for i, e := range accepted {
		revert, refused := r.applyOne(said, e)
		if refused != nil {
			for i := len(undo) - 1; i >= 0; i-- {
				undo[i]()
			}
			r.newKeys, r.adopted = nil, nil
			return refused.code, fmt.Errorf("line %d: %w", i+2, refused.error)
		}
		undo = append(undo, revert)
	}
	r.bootstrapping = false
	return "", nil
}

// applyOne lets one event take effect and returns what takes it back.
func (r *Registry) applyOne(said speech, e *events.Event) (undo func(), _ *refusal) {
	if r.mandates {
		if refused := r.withinMandate(said.by, e); refused != nil {
			return nil, refused
		}
	}
	leaf := said.leaf
	switch e.Type {
	case events.TypeAuthorityAdmitted:
		return decode(e, func(d events.AuthorityAdmitted) (func(), *refusal) { return r.admitAuthority(said, d) })
	case events.TypeAuthorityRotated:
		return decode(e, func(d events.AuthorityRotated) (func(), *refusal) { return r.rotateAuthority(said, d) })
	case events.TypeRecipientRotated:
		return decode(e, func(d events.RecipientRotated) (func(), *refusal) { return r.rotateRecipient(said, d) })
	case events.TypeWitnessesAdopted:
		return decode(e, func(d events.WitnessesAdopted) (func(), *refusal) { return r.adoptWitnesses(d) })
	case events.TypePredecessorAdopted:
		return decode(e, func(d events.PredecessorAdopted) (func(), *refusal) { return r.adoptPredecessor(d) })
	case events.TypeRecorderContinued:
		return decode(e, func(d events.RecorderContinued) (func(), *refusal) { return r.continueRecorder(d, leaf) })
	case events.TypeRulesetAdopted:
		return decode(e, func(d events.RulesetAdopted) (func(), *refusal) { return r.adoptRuleset(d) })
	case events.TypeOperatorAdmitted:
		return decode(e, func(d events.OperatorAdmitted) (func(), *refusal) { return r.admitOperator(said, d) })
	case events.TypeOperatorSuspended:
		return decode(e, func(d events.OperatorSuspended) (func(), *refusal) { return r.suspend(d.Operator, true) })
	case events.TypeOperatorReadmitted:
		return decode(e, func(d events.OperatorReadmitted) (func(), *refusal) { return r.suspend(d.Operator, false) })
	case events.TypeKeyAdded:
		return decode(e, func(d events.KeyAdded) (func(), *refusal) { return r.addOperatorKeys(d.Operator, d.Key) })
	case events.TypeKeyRevoked:
		return decode(e, func(d events.KeyRevoked) (func(), *refusal) { return r.revokeKey(d, leaf) })
	case events.TypeFacilityDeclared:
		return decode(e, func(d events.FacilityDeclared) (func(), *refusal) { return r.declareFacility(d, leaf) })
	case events.TypeFacilityRetired:
		return decode(e, func(d events.FacilityRetired) (func(), *refusal) { return r.retireFacility(d, leaf) })
	case events.TypeRecorderDeclared:
		return decode(e, func(d events.RecorderDeclared) (func(), *refusal) { return r.declareRecorder(d, leaf) })
	case events.TypeRecorderRetired:
		return decode(e, func(d events.RecorderRetired) (func(), *refusal) { return r.retireRecorder(d, leaf) })
	case events.TypeTenantDeclared:
		return decode(e, func(d events.TenantDeclared) (func(), *refusal) { return r.declareTenant(d, leaf) })
	case events.TypeBodyErased:
		return decode(e, func(d events.BodyErased) (func(), *refusal) { return r.eraseBody(said, d) })
	case events.TypeDisclosureErased:
		return decode(e, func(d events.DisclosureErased) (func(), *refusal) { return r.erasePerson(said, d) })
	case events.TypeHoldPlaced:
		return decode(e, func(d events.HoldPlaced) (func(), *refusal) { return r.placeHold(said, d) })
	case events.TypeHoldReleased:
		return decode(e, func(d events.HoldReleased) (func(), *refusal) { return r.releaseHold(said.by, d.Hold) })
	}
	return func() {}, nil
}

func decode[T any](e *events.Event, f func(T) (func(), *refusal)) (func(), *refusal) {
	var data T
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return nil, refuse("schema", "data of %s: %w", e.Type, err)
	}
	return f(data)
}

// admitOperator admits an operator. Admitting it again changes its country and
// adds keys; it doesn't end a suspension.
func (r *Registry) admitOperator(said speech, d events.OperatorAdmitted) (func(), *refusal) {
	before := r.operators[d.Operator]
	now := &Operator{Name: d.Operator, Country: d.Country, AdmittedBy: said.by, Leaf: said.leaf}
	if before != nil {
		now.Suspended, now.AdmittedBy = before.Suspended, before.AdmittedBy
	}
	set(r.operators, d.Operator, now)
	undoKeys, refused := r.addOperatorKeys(d.Operator, d.Keys...)
	if refused != nil {
		set(r.operators, d.Operator, before)
		return nil, refused
	}
	return func() { undoKeys(); set(r.operators, d.Operator, before) }, nil
}

func (r *Registry) addOperatorKeys(operator string, texts ...string) (func(), *refusal) {
	if r.operators[operator] == nil {
		return nil, refuse("unknown_operator", "operator %s is not admitted", operator)
	}
	var added []events.PublicKey
	undo := func() {
		for _, public := range added {
			delete(r.keys, public.ID())
		}
	}
	for _, text := range texts {
		public, err := r.parseKey(text)
		if err != nil {
			undo()
			return nil, refuse("schema", "%w", err)
		}
		switch known := r.keys[public.ID()]; {
		case known == nil:
			r.keys[public.ID()] = &key{public: public, party: operator}
			added = append(added, public)
		case known.party != operator:
			undo()
			return nil, refuse("wrong_subject", "key %.12s belongs to somebody else", public.ID())
		case known.revoked:
			undo()
			return nil, refuse("key_not_valid", "key %.12s was revoked by leaf %d and can't return", public.ID(), known.revokedBy)
		}
	}
	r.newKeys = append(r.newKeys, added...)
	return undo, nil
}

func (r *Registry) suspend(operator string, suspended bool) (func(), *refusal) {
	o := r.operators[operator]
	if o == nil {
		return nil, refuse("unknown_operator", "operator %s is not admitted", operator)
	}
	before := o.Suspended
	o.Suspended = suspended
	return func() { o.Suspended = before }, nil
}

func (r *Registry) revokeKey(d events.KeyRevoked, leaf uint64) (func(), *refusal) {
	if r.operators[d.Operator] == nil {
		return nil, refuse("unknown_operator", "operator %s is not admitted", d.Operator)
	}
	k := r.keys[events.KeyID(d.KeyID)]
	switch {
	case k == nil:
		return nil, refuse("unknown_key", "key %.12s is not registered", d.KeyID)
	case k.party != d.Operator:
		return nil, refuse("wrong_subject", "key %.12s is not %s's", d.KeyID, d.Operator)
	case k.revoked:
		return func() {}, nil
	}
	k.revoked, k.revokedBy = true, leaf
	return func() { k.revoked, k.revokedBy = false, 0 }, nil
}

func (r *Registry) declareFacility(d events.FacilityDeclared, leaf uint64) (func(), *refusal) {
	before := r.facilities[d.Facility]
	set(r.facilities, d.Facility, &Facility{
		Name: d.Facility, Country: d.Country, Landlord: d.Landlord, Occupants: d.Occupants,
		DisplayName: d.Name, State: d.State, Address: d.Address, Regions: d.Regions, TimeZone: d.TimeZone, Leaf: leaf,
	})
	return func() { set(r.facilities, d.Facility, before) }, nil
}

func (r *Registry) declareRecorder(d events.RecorderDeclared, leaf uint64) (func(), *refusal) {
	name, err := events.ParseRecorder(d.Recorder)
	switch {
	case err != nil || !name.IsOperator():
		return nil, refuse("schema", "recorder %q: want <operator>/<facility>/<recorder>", d.Recorder)
	case r.operators[name.Owner] == nil:
		return nil, refuse("unknown_operator", "operator %s is not admitted", name.Owner)
	case r.facilities[name.Facility] == nil:
		return nil, refuse("unknown_facility", "facility %s is not declared", name.Facility)
	case r.facilities[name.Facility].Retired:
		return nil, refuse("unknown_facility", "facility %s was retired by leaf %d", name.Facility, r.facilities[name.Facility].Leaf)
	}
	before := r.recorders[name]
	set(r.recorders, name, &Recorder{
		Name: d.Recorder, Kind: string(d.Kind), AttestEverySeconds: int64(d.AttestEverySeconds),
		Signatures: max(1, int(d.Signatures)), Leaf: leaf,
	})
	return func() { set(r.recorders, name, before) }, nil
}

// retireFacility ends a facility until it is declared again.
func (r *Registry) retireFacility(d events.FacilityRetired, leaf uint64) (func(), *refusal) {
	before := r.facilities[d.Facility]
	if before == nil {
		return nil, refuse("unknown_facility", "facility %s is not declared", d.Facility)
	}
	now := *before
	now.Retired, now.Leaf = true, leaf
	set(r.facilities, d.Facility, &now)
	return func() { set(r.facilities, d.Facility, before) }, nil
}

// retireRecorder ends a recorder until it is declared again.
func (r *Registry) retireRecorder(d events.RecorderRetired, leaf uint64) (func(), *refusal) {
	name, err := events.ParseRecorder(d.Recorder)
	if err != nil || r.recorders[name] == nil {
		return nil, refuse("unknown_recorder", "recorder %s is not declared", d.Recorder)
	}
	before := r.recorders[name]
	now := *before
	now.Retired, now.Leaf = true, leaf
	set(r.recorders, name, &now)
	return func() { set(r.recorders, name, before) }, nil
}

// set puts v, or takes the key out if v is nil.
func set[K comparable, V any](m map[K]*V, k K, v *V) {
	if v == nil {
		delete(m, k)
	} else {
		m[k] = v
	}
}
