package admission_test

import (
	"slices"
	"testing"

	"github.com/saksi-ledger/saksi/events"
)

// TestRegistryEnvelopeIsAllOrNothing sends envelopes of which the last event is
// refused: nothing before it in the same envelope may have had an effect.
func TestRegistryEnvelopeIsAllOrNothing(t *testing.T) {
	suspended := func(operator string) *events.Event {
		return registryEvent(t, events.TypeOperatorSuspended, events.OperatorSuspended{Operator: operator, Reason: "x"})
	}
	added := func(operator, key string) *events.Event {
		return registryEvent(t, events.TypeKeyAdded, events.KeyAdded{Operator: operator, Key: signer(key).PublicKey().String()})
	}
	m := newMind(t)
	m.say(t, "", admitted(t, nimbus, "n1"), facility(t, lab), declared(t, nimbus+"/"+lab+"/r1", 1), admitted(t, "garuda", "g1"))
	m.say(t, "", added("garuda", "g-old"), revoked(t, "garuda", "g-old"))
	for _, row := range []struct {
		code string
		last *events.Event
	}{
		{"unknown_operator", suspended("nobody")},
		{"unknown_operator", added("nobody", "x")},
		{"unknown_operator", revoked(t, "nobody", "n1")},
		{"unknown_operator", declared(t, "nobody/"+lab+"/r1", 1)},
		{"unknown_facility", declared(t, nimbus+"/nowhere/r1", 1)},
		{"unknown_key", revoked(t, nimbus, "never-seen")},
		{"wrong_subject", revoked(t, nimbus, "g1")},
		{"wrong_subject", added(nimbus, "g1")},
		{"wrong_subject", added(nimbus, mcmc)},
		{"wrong_subject", added(nimbus, "ledger")},
		{"wrong_subject", admitted(t, "third", "new-key", "g1")},
		{"key_not_valid", added("garuda", "g-old")},
	} {
		m.say(t, row.code,
			admitted(t, "second", "s1", "s2"), admitted(t, nimbus, "n1", "n2"), suspended(nimbus), revoked(t, nimbus, "n1"), added(nimbus, "n3"),
			facility(t, lab), facility(t, "lab-2"), declared(t, nimbus+"/lab-2/r1", 2), declared(t, nimbus+"/"+lab+"/r1", 2), row.last)
		if len(m.Registry.Operators()) != 2 || len(m.Registry.Facilities()) != 1 || len(m.Registry.Recorders()) != 1 {
			t.Fatalf("%s: operators, facilities or recorders stayed: %+v", row.code, m.Registry)
		}
		for _, key := range []string{"s1", "s2", "n2", "n3", "new-key"} {
			if _, _, known := m.Registry.KeyOwner(signer(key).PublicKey().ID()); known {
				t.Errorf("%s: key %s stayed", row.code, key)
			}
		}
		if _, valid, _ := m.Registry.KeyOwner(signer("n1").PublicKey().ID()); !valid {
			t.Errorf("%s: a key stayed revoked", row.code)
		}
		for _, o := range m.Registry.Operators() {
			if o.Suspended || o.Leaf != 1 {
				t.Errorf("%s: %+v", row.code, o)
			}
		}
		if f, r := m.Registry.Facilities()[0], m.Registry.Recorders()[0]; f.Leaf != 1 || r.Leaf != 1 || r.Signatures != 1 {
			t.Errorf("%s: %+v, %+v", row.code, f, r)
		}
	}
	// What was refused can be said again.
	m.say(t, "", admitted(t, "second", "s1", "s2"))
}

// TestRevocationCountsFromItsLeaf judges the same kind of envelope before and
// after, the ones after prepared while the key was still good.
func TestRevocationCountsFromItsLeaf(t *testing.T) {
	m := newMind(t)
	r := recorder(t, nimbus+"/"+lab+"/r1")
	m.say(t, "", admitted(t, nimbus, "n1", "n2"), facility(t, lab), declared(t, r.String(), 1))
	by := func(first uint64, key string) []byte {
		return seal(t, &events.Manifest{Recorder: r, Incarnation: 1, First: first}, []*events.Signer{signer(key)}, access(t, r))
	}
	before := by(1, "n1")
	m.want(t, "", r, before)
	m.say(t, "", revoked(t, nimbus, "n1"))
	m.want(t, "key_not_valid", r, by(2, "n1"))
	m.want(t, "", r, by(2, "n2"))
	// Said again, what was accepted before is judged by the key's state now: only a
	// valid signature can ask whether there is a first.
	m.want(t, "key_not_valid", r, before)
	m.say(t, "", revoked(t, nimbus, "n1")) // twice is no error
	m.say(t, "key_not_valid", admitted(t, nimbus, "n1"))
	// Taking out the last key leaves the operator known, and mute.
	m.say(t, "", revoked(t, nimbus, "n2"))
	m.want(t, "key_not_valid", r, by(3, "n2"))
}

func TestSuspensionOutlivesAdmittingAgain(t *testing.T) {
	m := newMind(t)
	r := recorder(t, nimbus+"/"+lab+"/r1")
	m.say(t, "", admitted(t, nimbus, "n1"), facility(t, lab), declared(t, r.String(), 1))
	m.say(t, "", registryEvent(t, events.TypeOperatorSuspended, events.OperatorSuspended{Operator: nimbus, Reason: "x"}))
	m.say(t, "", admitted(t, nimbus, "n2"))
	body := seal(t, &events.Manifest{Recorder: r, Incarnation: 1, First: 1}, []*events.Signer{signer("n2")}, access(t, r))
	m.want(t, "suspended_operator", r, body)
	m.say(t, "", registryEvent(t, events.TypeOperatorReadmitted, events.OperatorReadmitted{Operator: nimbus, Reason: "x"}))
	m.want(t, "", r, body)
	if v := m.judge(t, r, body); v.Verdict != "duplicate" || v.Of != m.next-2 {
		t.Errorf("%+v: want a duplicate of leaf %d", v, m.next-2)
	}
}

// TestHeadsGoForwardOnly sends what is behind the head: it is accepted, and the
// head stays.
func TestHeadsGoForwardOnly(t *testing.T) {
	m := newMind(t)
	r := recorder(t, nimbus+"/"+lab+"/r1")
	m.say(t, "", admitted(t, nimbus, "n1"), facility(t, lab), declared(t, r.String(), 1))
	for _, row := range []struct{ incarnation, first, wantIncarnation, wantLast uint64 }{
		{1, 5, 1, 5}, {1, 1, 1, 5}, {1, 5, 1, 5}, {2, 1, 2, 1}, {1, 900, 2, 1}, {2, 2, 2, 2}, {9, events.MaxSequence, 9, events.MaxSequence}, {9, 1, 9, events.MaxSequence},
	} {
		m.want(t, "", r, seal(t, &events.Manifest{Recorder: r, Incarnation: row.incarnation, First: row.first}, []*events.Signer{signer("n1")}, access(t, r)))
		if head, _ := m.Head(r); head.Incarnation != row.wantIncarnation || head.Last != row.wantLast {
			t.Errorf("after %d/%d the head is %+v", row.incarnation, row.first, head)
		}
	}
	if changed := m.TakeChangedHeads(); len(changed) != 2 { // the registry's too
		t.Errorf("changed: %v", changed)
	}
	if changed := m.TakeChangedHeads(); len(changed) != 0 {
		t.Errorf("changed since: %v", changed)
	}
}

func TestKeyOwners(t *testing.T) {
	m := newMind(t)
	m.say(t, "", admitted(t, nimbus, "n1"))
	for key, party := range map[string]string{"n1": nimbus, mcmc: "registry." + mcmc, "ledger": ""} {
		if got, valid, known := m.Registry.KeyOwner(signer(key).PublicKey().ID()); got != party || !valid || !known {
			t.Errorf("%s: %q, %v, %v", key, got, valid, known)
		}
	}
	names := make([]string, 0, 1)
	for _, o := range m.Registry.Operators() {
		names = append(names, o.Name)
	}
	if !slices.Equal(names, []string{nimbus}) {
		t.Errorf("operators: %v", names)
	}
}
