package verify

import (
	"errors"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/events"
)

// registryProof is what the registry events of a bundle have said so far. They are
// some of all that there were: it can say what was declared, never that something
// was not.
type registryProof struct {
	keys       map[events.KeyID]*provenKey
	operators  map[string]*provenOperator
	facilities map[string]*provenFacility
	recorders  map[string]*provenRecorder
}

type provenKey struct {
	public     events.PublicKey
	party      string
	registered events.Ref
	by         string
	recovery   bool // signs nothing but the rotation of its authority's key
	revoked    *StatedRevocation
}

type provenOperator struct {
	StatedOperator
	suspended *events.Ref
}

type provenFacility struct {
	StatedFacility
	retired *events.Ref
}

type provenRecorder struct {
	StatedRecorder
	signatures int
	retired    *events.Ref
}

// subjectOf is what a registry event bears on; all empty otherwise.
type subjectOf struct {
	operator, facility, recorder string
	authority                    string // whose keys it names
	revokes                      events.KeyID
	anchor                       *events.AnchorRecorded
	timestamp                    *events.TimestampRecorded
	recorded                     bool // and that anchor or timestamp is in the bundle
	cosigned                     *events.CheckpointCosigned
}

func newRegistryProof() *registryProof {
	return &registryProof{
		keys: map[events.KeyID]*provenKey{}, operators: map[string]*provenOperator{},
		facilities: map[string]*provenFacility{}, recorders: map[string]*provenRecorder{},
	}
}

// ledgerParty is the party of the ledger's own event key.
const ledgerParty = ""

// begin takes the genesis, whose hash is the trust file's.
func (r *registryProof) begin(l *openedLeaf) (*events.Genesis, error) {
	e := l.events[0]
	if len(l.events) != 1 || !events.IsGenesis(e.Type) {
		return nil, errors.New("leaf 0 shows no genesis")
	}
	genesis := &events.Genesis{}
	if err := decodeData(e, genesis); err != nil {
		return nil, err
	}
	if len(genesis.Authorities) == 0 {
		return nil, errors.New("it names no authority")
	}
	if err := r.addKey(genesis.LedgerKey, ledgerParty, e.ref, ""); err != nil {
		return nil, err
	}
	for _, a := range genesis.Authorities {
		if err := r.addAuthorityKeys(a.Authority, a.Key, a.RecoveryKey, e.ref, a.Authority); err != nil {
			return nil, err
		}
	}
	if first := genesis.Authorities[0].Authority; l.envelope.Manifest.Recorder != events.RegistryRecorder(first) {
		return nil, fmt.Errorf("it is %s's, and %s is the first authority", l.envelope.Manifest.Recorder, first)
	}
	return genesis, r.checkSignatures(l)
}

// addKey registers a key. One that is there already stays as it was.
func (r *registryProof) addKey(text, party string, at events.Ref, by string) error {
	public, err := events.ParsePublicKey(text)
	if err != nil {
		return err
	}
	switch known := r.keys[public.ID()]; {
	case known == nil:
		r.keys[public.ID()] = &provenKey{public: public, party: party, registered: at, by: by}
	case known.party != party:
		return fmt.Errorf("key %.12s belongs to somebody else", public.ID())
	}
	return nil
}

// addAuthorityKeys registers an authority's key, and its recovery key if it has one.
func (r *registryProof) addAuthorityKeys(authority, key, recovery string, at events.Ref, by string) error {
	party := events.RegistryRecorder(authority).Party()
	if err := r.addKey(key, party, at, by); err != nil || recovery == "" {
		return err
	}
	if err := r.addKey(recovery, party, at, by); err != nil {
		return err
	}
	public, err := events.ParsePublicKey(recovery)
	if err != nil {
		return err
	}
	r.keys[public.ID()].recovery = true
	return nil
}

// rotate takes the rotation of an authority's key, which the authority itself says.
func (r *registryProof) rotate(e *openedEvent, by string, d *events.AuthorityRotated) error {
	e.subject.authority, e.subject.revokes = d.Authority, events.KeyID(d.Replaces)
	if by != d.Authority {
		return fmt.Errorf("%s can't rotate a key of %s", by, d.Authority)
	}
	party := events.RegistryRecorder(by).Party()
	if old := r.keys[e.subject.revokes]; old != nil && old.party == party && old.revoked == nil {
		old.revoked = &StatedRevocation{Event: e.ref, By: by, Reason: d.Reason}
	}
	if d.RecoveryKey != "" {
		for _, k := range r.keys {
			if k.party == party && k.recovery && k.revoked == nil {
				k.revoked = &StatedRevocation{Event: e.ref, By: by, Reason: d.Reason}
			}
		}
	}
	return r.addAuthorityKeys(by, d.Key, d.RecoveryKey, e.ref, by)
}

// isRotation tells whether all that an envelope says is one rotation.
func isRotation(l *openedLeaf) bool {
	return len(l.envelope.Manifest.Events) == 1 && len(l.events) == 1 && l.events[0].Type == events.TypeAuthorityRotated
}

// admit checks a leaf by what the registry said before it, and lets it speak if it
// is the registry's own.
func (r *registryProof) admit(l *openedLeaf) error {
	if err := r.checkSignatures(l); err != nil {
		return err
	}
	recorder := l.envelope.Manifest.Recorder
	switch {
	case recorder.IsOperator():
		return r.admitOperator(l, recorder)
	case recorder.IsRegistry():
		for _, e := range l.events {
			if err := r.apply(e, recorder.Owner); err != nil {
				return fmt.Errorf("event %s: %w", e.ref, err)
			}
		}
	case recorder.IsLedger():
		for _, e := range l.events {
			if err := recall(e); err != nil {
				return fmt.Errorf("event %s: %w", e.ref, err)
			}
		}
	}
	return nil
}

// recall takes what the ledger recorded of others.
func recall(e *openedEvent) error {
	switch e.Type {
	case events.TypeAnchorRecorded:
		e.subject.anchor = &events.AnchorRecorded{}
		return decodeData(e, e.subject.anchor)
	case events.TypeTimestampRecorded:
		e.subject.timestamp = &events.TimestampRecorded{}
		return decodeData(e, e.subject.timestamp)
	case events.TypeCheckpointCosigned:
		e.subject.cosigned = &events.CheckpointCosigned{}
		return decodeData(e, e.subject.cosigned)
	}
	return nil
}

// checkSignatures checks that an envelope is signed, and that every signature on it
// is one of its party's keys.
func (r *registryProof) checkSignatures(l *openedLeaf) error {
	recorder := l.envelope.Manifest.Recorder
	party := recorder.Party()
	if recorder.IsLedger() {
		party = ledgerParty
	}
	if len(l.envelope.Signatures) == 0 {
		return fmt.Errorf("leaf %d: its manifest is not signed", l.index)
	}
	for _, s := range l.envelope.Signatures {
		key := r.keys[s.KeyID]
		switch {
		case key == nil:
			return fmt.Errorf("leaf %d: no event before it registers the key %.12s that signed it", l.index, s.KeyID)
		case key.party != party:
			return fmt.Errorf("leaf %d: the key %.12s that signed it is not %s's", l.index, s.KeyID, recorder)
		case key.revoked != nil:
			return fmt.Errorf("leaf %d: the key %.12s that signed it was revoked before, by event %s", l.index, s.KeyID, key.revoked.Event)
		case key.recovery && !isRotation(l):
			return fmt.Errorf("leaf %d: the key %.12s that signed it is a recovery key, which signs rotations alone", l.index, s.KeyID)
		case !key.public.Verify(l.envelope.SignedBytes(), s.Sig):
			return fmt.Errorf("leaf %d: the signature by key %.12s over its manifest does not hold", l.index, s.KeyID)
		}
		l.signers = append(l.signers, key)
	}
	return nil
}

// admitOperator checks that the registry knew who was speaking.
func (r *registryProof) admitOperator(l *openedLeaf, recorder events.Recorder) error {
	l.operator, l.facility, l.recorder = r.operators[recorder.Owner], r.facilities[recorder.Facility], r.recorders[recorder.String()]
	switch {
	case l.operator == nil:
		return fmt.Errorf("leaf %d: no event before it admits the operator %s", l.index, recorder.Owner)
	case l.operator.suspended != nil:
		return fmt.Errorf("leaf %d: the operator %s was suspended before, by event %s", l.index, recorder.Owner, l.operator.suspended)
	case l.facility == nil:
		return fmt.Errorf("leaf %d: no event before it declares the facility %s", l.index, recorder.Facility)
	case l.recorder == nil:
		return fmt.Errorf("leaf %d: no event before it declares the recorder %s", l.index, recorder)
	case l.facility.retired != nil:
		return fmt.Errorf("leaf %d: the facility %s was retired before, by event %s", l.index, recorder.Facility, l.facility.retired)
	case l.recorder.retired != nil:
		return fmt.Errorf("leaf %d: the recorder %s was retired before, by event %s", l.index, recorder, l.recorder.retired)
	case len(l.signers) < l.recorder.signatures:
		return fmt.Errorf("leaf %d: %d signatures where its recorder demands %d", l.index, len(l.signers), l.recorder.signatures)
	}
	return nil
}

// apply takes what an authority declared. Later declarations take the place of
// earlier ones.
func (r *registryProof) apply(e *openedEvent, by string) error {
	switch e.Type {
	case events.TypeAuthorityAdmitted:
		return decodeInto(e, func(d *events.AuthorityAdmitted) error {
			e.subject.authority = d.Authority
			return r.addAuthorityKeys(d.Authority, d.Key, d.RecoveryKey, e.ref, by)
		})
	case events.TypeAuthorityRotated:
		return decodeInto(e, func(d *events.AuthorityRotated) error { return r.rotate(e, by, d) })
	case events.TypeFacilityRetired:
		return decodeInto(e, func(d *events.FacilityRetired) error {
			e.subject.facility = d.Facility
			if f := r.facilities[d.Facility]; f != nil {
				r.facilities[d.Facility] = &provenFacility{f.StatedFacility, &e.ref}
			}
			return nil
		})
	case events.TypeRecorderRetired:
		return decodeInto(e, func(d *events.RecorderRetired) error {
			e.subject.recorder = d.Recorder
			if known := r.recorders[d.Recorder]; known != nil {
				r.recorders[d.Recorder] = &provenRecorder{known.StatedRecorder, known.signatures, &e.ref}
			}
			return nil
		})
	case events.TypeOperatorAdmitted:
		return decodeInto(e, func(d *events.OperatorAdmitted) error {
			e.subject.operator = d.Operator
			now := &provenOperator{StatedOperator: StatedOperator{d.Operator, d.Country, d.Name, e.ref, by}}
			if before := r.operators[d.Operator]; before != nil {
				now.suspended = before.suspended
			}
			r.operators[d.Operator] = now
			for _, key := range d.Keys {
				if err := r.addKey(key, d.Operator, e.ref, by); err != nil {
					return err
				}
			}
			return nil
		})
	case events.TypeKeyAdded:
		return decodeInto(e, func(d *events.KeyAdded) error {
			e.subject.operator = d.Operator
			return r.addKey(d.Key, d.Operator, e.ref, by)
		})
	case events.TypeKeyRevoked:
		return decodeInto(e, func(d *events.KeyRevoked) error {
			e.subject.revokes = events.KeyID(d.KeyID)
			if key := r.keys[e.subject.revokes]; key != nil && key.party == d.Operator && key.revoked == nil {
				key.revoked = &StatedRevocation{Event: e.ref, By: by, Reason: d.Reason, From: d.From.Time}
			}
			return nil
		})
	case events.TypeOperatorSuspended:
		return decodeInto(e, func(d *events.OperatorSuspended) error { return r.suspend(e, d.Operator, &e.ref) })
	case events.TypeOperatorReadmitted:
		return decodeInto(e, func(d *events.OperatorReadmitted) error { return r.suspend(e, d.Operator, nil) })
	case events.TypeFacilityDeclared:
		return decodeInto(e, func(d *events.FacilityDeclared) error {
			e.subject.facility = d.Facility
			r.facilities[d.Facility] = &provenFacility{StatedFacility: StatedFacility{
				Facility: d.Facility, Country: d.Country, Name: d.Name, State: d.State, Address: d.Address, Event: e.ref, By: by,
			}}
			return nil
		})
	case events.TypeRecorderDeclared:
		return decodeInto(e, func(d *events.RecorderDeclared) error {
			e.subject.recorder = d.Recorder
			r.recorders[d.Recorder] = &provenRecorder{StatedRecorder: StatedRecorder{d.Kind, e.ref, by}, signatures: max(1, int(d.Signatures))}
			return nil
		})
	}
	return nil
}

func (r *registryProof) suspend(e *openedEvent, operator string, by *events.Ref) error {
	e.subject.operator = operator
	if o := r.operators[operator]; o != nil {
		now := *o // leaves before this one keep the one they saw
		now.suspended = by
		r.operators[operator] = &now
	}
	return nil
}

func decodeInto[T any](e *openedEvent, f func(*T) error) error {
	data := new(T)
	if err := decodeData(e, data); err != nil {
		return err
	}
	return f(data)
}

// decodeData reads an event's data. The ledger's schemas have judged it; here it
// only must be what it says.
func decodeData(e *openedEvent, data any) error {
	if err := jsonv2.Unmarshal(e.Data, data); err != nil {
		return fmt.Errorf("data of %s: %w", e.Type, err)
	}
	return nil
}
