package admission_test

import (
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

// sayAs has an authority say something in one envelope, signed by these keys.
func (m *mind) sayAs(t tester, authority, code string, signers []string, said ...*events.Event) {
	t.Helper()
	by := events.RegistryRecorder(authority)
	for _, e := range said {
		e.Source = by.Source()
	}
	head, _ := m.Head(by)
	var keys []*events.Signer
	for _, k := range signers {
		keys = append(keys, signer(k))
	}
	m.want(t, code, by, seal(t, &events.Manifest{Recorder: by, Incarnation: 1, First: head.Last + 1, Previous: head.Manifest}, keys, said...))
}

func authority(t tester, name, key, recovery string, mandate events.Mandate) *events.Event {
	d := events.AuthorityAdmitted{Authority: name, Key: signer(key).PublicKey().String(), Mandate: mandate}
	if recovery != "" {
		d.RecoveryKey = signer(recovery).PublicKey().String()
	}
	return registryEvent(t, events.TypeAuthorityAdmitted, d)
}

func rotated(t tester, name, old, key, recovery string) *events.Event {
	d := events.AuthorityRotated{
		Authority: name, Key: signer(key).PublicKey().String(), Replaces: string(signer(old).PublicKey().ID()), Reason: "test",
	}
	if recovery != "" {
		d.RecoveryKey = signer(recovery).PublicKey().String()
	}
	return registryEvent(t, events.TypeAuthorityRotated, d)
}

var (
	everything = events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}}
	onlyLab    = events.Mandate{Facilities: []string{lab}, Families: []string{"access", "registry"}}
	onlyEyes   = events.Mandate{Facilities: []string{lab}, Families: []string{"access"}}
)

// TestMandates has each kind of registry event said inside and outside of a mandate.
func TestMandates(t *testing.T) {
	m := newMind(t)
	m.say(t, "", facility(t, lab), facility(t, "lab-2"), admitted(t, nimbus, "n1"), declared(t, nimbus+"/"+lab+"/r1", 1), declared(t, nimbus+"/lab-2/r1", 1),
		authority(t, "local", "l1", "", onlyLab), authority(t, "eyes", "e1", "", onlyEyes), authority(t, "second", "s1", "", everything))
	place, due := events.RefFields{Leaf: 1}, events.At(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	at := func(f string) string { return nimbus + "/" + f + "/r1" }
	say := func(eventType string, data any) func() *events.Event {
		return func() *events.Event { return registryEvent(t, eventType, data) }
	}
	for _, row := range []struct {
		name               string
		said               func() *events.Event
		local, eyes, other string // what comes of it if they say it
	}{
		{"operator admitted", func() *events.Event { return admitted(t, nimbus, "n1") }, "outside_mandate", "outside_mandate", ""},
		{"operator suspended", say(events.TypeOperatorSuspended, events.OperatorSuspended{Operator: nimbus, Reason: "x"}), "outside_mandate", "outside_mandate", ""},
		{"operator readmitted", say(events.TypeOperatorReadmitted, events.OperatorReadmitted{Operator: nimbus, Reason: "x"}), "outside_mandate", "outside_mandate", ""},
		{"key revoked", func() *events.Event { return revoked(t, nimbus, "n1") }, "outside_mandate", "outside_mandate", ""},
		{"facility within", func() *events.Event { return facility(t, lab) }, "", "outside_mandate", ""},
		{"facility beyond", func() *events.Event { return facility(t, "lab-2") }, "outside_mandate", "outside_mandate", ""},
		{"recorder within", func() *events.Event { return declared(t, at(lab), 1) }, "", "outside_mandate", ""},
		{"recorder beyond", func() *events.Event { return declared(t, at("lab-2"), 1) }, "outside_mandate", "outside_mandate", ""},
		{"rule set", say(events.TypeRulesetAdopted, events.RulesetAdopted{Ruleset: m.Rules().Digest().String()}), "outside_mandate", "outside_mandate", ""},
		{"pack", say(events.TypePackAdopted, events.PackAdopted{Pack: "my", Version: "1", Digest: m.Rules().Digest().String()}), "outside_mandate", "outside_mandate", ""},
		{"production within", say(events.TypeProductionOrdered, events.ProductionOrdered{Order: "1", Recorder: at(lab), Event: place, Records: []events.Integer{0}, Due: due, Ground: "x"}), "", "", ""},
		{"production beyond", say(events.TypeProductionOrdered, events.ProductionOrdered{Order: "1", Recorder: at("lab-2"), Event: place, Records: []events.Integer{0}, Due: due, Ground: "x"}), "outside_mandate", "outside_mandate", ""},
		{"reveal within", say(events.TypeDisclosureRevealed, events.DisclosureRevealed{Recorder: at(lab), Kind: "sealed", Events: []events.RefFields{place}, Ground: "x"}), "", "", ""},
		{"reveal beyond", say(events.TypeDisclosureRevealed, events.DisclosureRevealed{Recorder: at("lab-2"), Kind: "sealed", Events: []events.RefFields{place}, Ground: "x"}), "outside_mandate", "outside_mandate", ""},
		{"erase person everywhere", say(events.TypeDisclosureErased, events.DisclosureErased{Operator: nimbus, Actor: "p", Ground: "x"}), "outside_mandate", "outside_mandate", ""},
		{"erase person within", say(events.TypeDisclosureErased, events.DisclosureErased{Operator: nimbus, Actor: "p", Facilities: []string{lab}, Ground: "x"}), "", "", ""},
		{"erase body", say(events.TypeBodyErased, events.BodyErased{Recorder: at(lab), Leaf: 1, Ground: "x"}), "outside_mandate", "outside_mandate", ""},
		{"hold everywhere", say(events.TypeHoldPlaced, events.HoldPlaced{Hold: "1", Ground: "x"}), "outside_mandate", "outside_mandate", ""},
		{"hold within", say(events.TypeHoldPlaced, events.HoldPlaced{Hold: "1", Facilities: []string{lab}, Ground: "x"}), "", "", ""},
		{"release", say(events.TypeHoldReleased, events.HoldReleased{Hold: "1", Ground: "x"}), "", "", ""},
		{"release again", say(events.TypeHoldReleased, events.HoldReleased{Hold: "1", Ground: "x"}), "unknown_hold", "unknown_hold", "unknown_hold"},
		{"finding", say(events.TypeFindingAcknowledged, events.FindingAcknowledged{Finding: "f", Facility: "lab-2"}), "outside_mandate", "outside_mandate", ""},
		{"another's recipient", say(events.TypeRecipientRotated, events.RecipientRotated{Authority: mcmc, Recipient: "age1smawv4t6yndz0h4w9c8uzlf0nenfvx2xk46c98x5jrdqep4l2mesxuc4nl"}), "outside_mandate", "outside_mandate", "outside_mandate"},
		{"another's key", func() *events.Event { return rotated(t, mcmc, mcmc, "thief", "") }, "outside_mandate", "outside_mandate", "outside_mandate"},
		{"mandate of the genesis", func() *events.Event { return authority(t, mcmc, mcmc, "", onlyEyes) }, "outside_mandate", "outside_mandate", "outside_mandate"},
		{"another's ward", func() *events.Event { return authority(t, "eyes", "e1", "", onlyEyes) }, "outside_mandate", "outside_mandate", "outside_mandate"},
		{"more than one's own", func() *events.Event { return authority(t, "puppet", "p1", "", everything) }, "outside_mandate", "outside_mandate", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			m.sayAs(t, "local", row.local, []string{"l1"}, row.said())
			m.sayAs(t, "eyes", row.eyes, []string{"e1"}, row.said())
			m.sayAs(t, "second", row.other, []string{"s1"}, row.said())
		})
	}
	// One that a local authority admitted is its own to suspend.
	m.sayAs(t, "local", "", []string{"l1"}, admitted(t, "garuda", "g1"))
	m.sayAs(t, "local", "", []string{"l1"}, registryEvent(t, events.TypeOperatorSuspended, events.OperatorSuspended{Operator: "garuda", Reason: "x"}))
	// A mandate is narrowed by whoever gave it.
	m.say(t, "", authority(t, "local", "l1", "", onlyEyes))
	m.sayAs(t, "local", "outside_mandate", []string{"l1"}, facility(t, lab))
}

// TestAuthorityRotates goes through rotation by the old key, theft, and recovery.
func TestAuthorityRotates(t *testing.T) {
	m := newMind(t)
	m.say(t, "", authority(t, "bnm", "b1", "b-offline", everything))
	// A recovery key signs nothing else, and a rotation signed by the wrong one does nothing.
	m.sayAs(t, "bnm", "key_not_valid", []string{"b-offline"}, facility(t, lab))
	m.sayAs(t, "bnm", "unknown_key", []string{"b1"}, rotated(t, "bnm", "never", "b2", ""))
	m.sayAs(t, "bnm", "wrong_subject", []string{"b1"}, rotated(t, "bnm", "b1", mcmc, ""))
	m.sayAs(t, "bnm", "missing_signature", []string{"b1"}, rotated(t, "bnm", "b1", "b2", "thief-offline"))
	m.sayAs(t, "bnm", "", []string{"b1"}, rotated(t, "bnm", "b1", "b2", ""))
	m.sayAs(t, "bnm", "key_not_valid", []string{"b1"}, facility(t, lab))
	m.sayAs(t, "bnm", "", []string{"b2"}, facility(t, lab))
	// A thief with the key can rotate it, but not the recovery key: the owner takes it back, and may then name another.
	m.sayAs(t, "bnm", "", []string{"b2"}, rotated(t, "bnm", "b2", "thief", ""))
	m.sayAs(t, "bnm", "key_not_valid", []string{"b-offline"}, rotated(t, "bnm", "thief", "b3", ""), facility(t, lab))
	m.sayAs(t, "bnm", "", []string{"b-offline"}, rotated(t, "bnm", "thief", "b3", "b-offline-2"))
	m.sayAs(t, "bnm", "key_not_valid", []string{"thief"}, facility(t, lab))
	m.sayAs(t, "bnm", "key_not_valid", []string{"b-offline"}, rotated(t, "bnm", "b3", "b4", ""))
	m.sayAs(t, "bnm", "key_not_valid", []string{"b3"}, rotated(t, "bnm", "b3", "b1", ""))
	m.sayAs(t, "bnm", "", []string{"b3"}, facility(t, lab))
}

// TestRotationIsAllOrNothing has the second of two events refused.
func TestRotationIsAllOrNothing(t *testing.T) {
	m := newMind(t)
	m.say(t, "", authority(t, "bnm", "b1", "b-offline", everything))
	m.sayAs(t, "bnm", "unknown_operator", []string{"b1"}, rotated(t, "bnm", "b1", "b2", ""), authority(t, "sc", "sc1", "sc-offline", onlyEyes),
		registryEvent(t, events.TypeOperatorSuspended, events.OperatorSuspended{Operator: "nobody", Reason: "x"}))
	m.sayAs(t, "bnm", "", []string{"b1"}, facility(t, lab))
	if got := len(m.Registry.Authorities()); got != 2 {
		t.Errorf("%d authorities: want 2", got)
	}
	for _, key := range []string{"b2", "sc1", "sc-offline"} {
		if _, _, known := m.Registry.KeyOwner(signer(key).PublicKey().ID()); known {
			t.Errorf("key %s stayed", key)
		}
	}
}

// TestRetired checks that what is retired speaks no more, until it is declared again.
func TestRetired(t *testing.T) {
	m := newMind(t)
	r := recorder(t, nimbus+"/"+lab+"/r1")
	m.say(t, "", facility(t, lab), admitted(t, nimbus, "n1"), declared(t, r.String(), 1))
	speak := func(code string) {
		t.Helper()
		head, _ := m.Head(r)
		m.want(t, code, r, seal(t, &events.Manifest{Recorder: r, Incarnation: 1, First: head.Last + 1, Previous: head.Manifest}, []*events.Signer{signer("n1")}, access(t, r)))
	}
	speak("")
	m.say(t, "", registryEvent(t, events.TypeRecorderRetired, events.RecorderRetired{Recorder: r.String(), Reason: "x"}))
	speak("unknown_recorder")
	m.say(t, "", declared(t, r.String(), 1))
	speak("")
	m.say(t, "", registryEvent(t, events.TypeFacilityRetired, events.FacilityRetired{Facility: lab, Reason: "x"}))
	speak("unknown_facility")
	m.say(t, "unknown_facility", declared(t, nimbus+"/"+lab+"/r2", 1))
	m.say(t, "", facility(t, lab))
	speak("")
	m.say(t, "unknown_facility", registryEvent(t, events.TypeFacilityRetired, events.FacilityRetired{Facility: "nowhere", Reason: "x"}))
	m.say(t, "unknown_recorder", registryEvent(t, events.TypeRecorderRetired, events.RecorderRetired{Recorder: nimbus + "/" + lab + "/r9", Reason: "x"}))
}

// TestRulesetAdopted checks that another rule set judges from the next leaf on, what was prepared under the old one
// included, and that one which this program doesn't have stops it.
func TestRulesetAdopted(t *testing.T) {
	m := newMind(t)
	adopt := func(digest string) *events.Event {
		return registryEvent(t, events.TypeRulesetAdopted, events.RulesetAdopted{Ruleset: digest})
	}
	held := registryEvent(t, events.TypeHoldPlaced, events.HoldPlaced{Hold: "1", Ground: "x"})
	m.say(t, "", held)
	// The three are prepared together, and by the rule set of before.
	head, _ := m.Head(registry)
	next := func(first uint64, previous events.Digest, e *events.Event) (admission.Message, events.Digest) {
		body := seal(t, &events.Manifest{Recorder: registry, Incarnation: 1, First: first, Previous: previous}, []*events.Signer{signer(mcmc)}, e)
		return admission.Message{Subject: registry.Subject(), Body: body}, must[*events.Envelope](t)(events.ParseEnvelope(body)).ManifestDigest()
	}
	first, digest := next(head.Last+1, head.Manifest, adopt(ed25519Alone))
	second, digest2 := next(head.Last+2, digest, held)
	third, _ := next(head.Last+2, digest2, facility(t, lab))
	candidates := m.Rules().Prepare([]admission.Message{first, second, third})
	for i, want := range []string{"", "unknown_type", ""} {
		v := must[admission.Verdict](t)(m.Judge(candidates[i], m.next))
		m.next++
		if v.Code != want {
			t.Errorf("message %d is %s %s (%s): want %q", i, v.Verdict, v.Code, v.Reason, want)
		}
	}
	if got := m.Rules().Digest().String(); got != ed25519Alone {
		t.Errorf("rule set %s is in force", got)
	}

	m = newMind(t)
	head, _ = m.Head(registry)
	unknown, _ := next(head.Last+1, head.Manifest, adopt("sha256:"+strings.Repeat("0", 64)))
	_, err := m.Judge(m.Rules().Prepare([]admission.Message{unknown})[0], m.next)
	if err == nil || !strings.Contains(err.Error(), "a newer one is needed") {
		t.Errorf("a rule set that nobody knows: %v", err)
	}
}
