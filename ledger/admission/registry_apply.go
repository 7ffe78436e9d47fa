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

// apply lets the events of one registry envelope take effect, all or none. They
// have passed their schemas. The code is that of what they refer to wrongly.
func (r *Registry) apply(accepted []*events.Event, leaf uint64) (code string, err error) {
	r.newKeys = nil
	var undo []func()
	for i, e := range accepted {
		revert, refused := r.applyOne(e, leaf)
		if refused != nil {
			for i := len(undo) - 1; i >= 0; i-- {
				undo[i]()
			}
			r.newKeys = nil
			return refused.code, fmt.Errorf("line %d: %w", i+2, refused.error)
		}
		undo = append(undo, revert)
	}
	r.bootstrapping = false
	return "", nil
}

// applyOne lets one event take effect and returns what takes it back.
func (r *Registry) applyOne(e *events.Event, leaf uint64) (undo func(), _ *refusal) {
	switch e.Type {
	case events.TypeOperatorAdmitted:
		return decode(e, func(d events.OperatorAdmitted) (func(), *refusal) { return r.admitOperator(d, leaf) })
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
	case events.TypeRecorderDeclared:
		return decode(e, func(d events.RecorderDeclared) (func(), *refusal) { return r.declareRecorder(d, leaf) })
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
func (r *Registry) admitOperator(d events.OperatorAdmitted, leaf uint64) (func(), *refusal) {
	before := r.operators[d.Operator]
	now := &Operator{Name: d.Operator, Country: d.Country, Leaf: leaf}
	if before != nil {
		now.Suspended = before.Suspended
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
		Name: d.Facility, Country: d.Country, Landlord: d.Landlord, Occupants: d.Occupants, Leaf: leaf,
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
	}
	before := r.recorders[name]
	set(r.recorders, name, &Recorder{
		Name: d.Recorder, Kind: string(d.Kind), AttestEverySeconds: int64(d.AttestEverySeconds),
		Signatures: max(1, int(d.Signatures)), Leaf: leaf,
	})
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
