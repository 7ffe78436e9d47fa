package succession_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/readertest"
	"github.com/saksi-ledger/saksi/ledger/succession"
)

func newKey(t *testing.T) events.PublicKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := events.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return s.PublicKey()
}

func say(t *testing.T, w *readertest.World, all ...vocabulary.Said) {
	t.Helper()
	var list []*events.Event
	for _, s := range all {
		e, err := s.Event(events.RegistryRecorder(w.Authority()), vocabulary.Attributes{})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	w.Say(list...)
}

// ended is a ledger that ends, with all that a registry can have; keys are strato's, of
// which the first three are revoked.
func ended(t *testing.T) (w *readertest.World, keys []events.PublicKey) {
	t.Helper()
	w = readertest.New(t)
	w.Grow(60)
	admitted := events.OperatorAdmitted{Operator: "strato", Country: "SG", Name: "Strato Ltd"}
	var more []vocabulary.Said
	for i := range 20 {
		key := newKey(t)
		keys = append(keys, key)
		if i < 16 {
			admitted.Keys = append(admitted.Keys, key.String())
		} else {
			more = append(more, vocabulary.KeyAdded.Of(events.KeyAdded{Operator: "strato", Key: key.String()}))
		}
	}
	for _, key := range keys[:3] {
		more = append(more, vocabulary.KeyRevoked.Of(events.KeyRevoked{Operator: "strato", KeyID: string(key.ID()), Reason: "rotation"}))
	}
	say(t, w, append([]vocabulary.Said{vocabulary.OperatorAdmitted.Of(admitted)}, more...)...)
	seat := func(name string) vocabulary.Said {
		return vocabulary.AuthorityAdmitted.Of(events.AuthorityAdmitted{
			Authority: name, Name: strings.ToUpper(name), Key: newKey(t).String(), RecoveryKey: newKey(t).String(),
			Mandate: events.Mandate{Facilities: []string{"lab-1"}, Families: []string{"access"}},
		})
	}
	say(t, w,
		seat("mas"), seat("bnm"),
		vocabulary.FacilityDeclared.Of(events.FacilityDeclared{Facility: "lab-9", Country: "MY", Landlord: "strato"}),
		vocabulary.RecorderDeclared.Of(events.RecorderDeclared{Recorder: "strato/lab-9/badges", Kind: events.RecorderBadge, AttestEverySeconds: 3600, Signatures: 2}),
		vocabulary.RecorderDeclared.Of(events.RecorderDeclared{Recorder: "strato/lab-9/doors", Kind: events.RecorderBadge}),
		vocabulary.RecorderRetired.Of(events.RecorderRetired{Recorder: "strato/lab-9/doors", Reason: "replaced"}),
		vocabulary.TenantDeclared.Of(events.TenantDeclared{Tenant: "bank-03", Sector: "banking"}),
		vocabulary.TenantDeclared.Of(events.TenantDeclared{Tenant: "bank-03", Operator: "strato", Sector: "health"}),
		vocabulary.HoldPlaced.Of(events.HoldPlaced{Hold: "H-1", Ground: "litigation", Operators: []string{"strato"}}),
		vocabulary.HoldPlaced.Of(events.HoldPlaced{Hold: "H-2", Ground: "litigation"}),
		vocabulary.HoldReleased.Of(events.HoldReleased{Hold: "H-2", Ground: "settled"}),
		vocabulary.OperatorSuspended.Of(events.OperatorSuspended{Operator: "strato", Reason: "unpaid"}),
		vocabulary.WitnessesAdopted.Of(events.WitnessesAdopted{Policy: "log " + w.Trusted.Key + "\nquorum none\n", Reason: "none left"}),
	)

	return w, keys
}

func last(t *testing.T, w *readertest.World) []byte {
	t.Helper()
	note, err := archive.ReadCheckpoint(w.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return note
}

// adopt says acts in a successor, as change has them.
func adopt(t *testing.T, w *readertest.World, acts []succession.Act, change func(succession.Act, *events.Event) *events.Event) {
	t.Helper()
	var list []*events.Event
	for _, act := range acts {
		e, err := act.Said.Event(events.RegistryRecorder(w.Authority()), vocabulary.Attributes{ID: act.ID, Subject: act.Subject})
		if err != nil {
			t.Fatalf("%s: %v", act.What, err)
		}
		if e = change(act, e); e != nil {
			list = append(list, e)
		}
	}
	w.Say(list...)
}

func TestAdopt(t *testing.T) {
	w, keys := ended(t)
	note := last(t, w)
	// The tree goes on, and what comes then is left behind.
	say(t, w, vocabulary.FacilityDeclared.Of(events.FacilityDeclared{Facility: "late", Country: "MY"}))
	snapshot, err := succession.Read(t.Context(), w.Dir, note, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := succession.Options{Authority: w.Authority(), Without: []events.KeyID{keys[5].ID()}, Reason: "the log's key was stolen"}
	acts, left, err := snapshot.Acts(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Errorf("left out: %q", left)
	}
	next := readertest.NewSuccessor(t, "ledger.example.my/test-2", string(note))
	adopt(t, next, acts, func(_ succession.Act, e *events.Event) *events.Event { return e })

	before, now := snapshot.Registry, registryOf(t, next)
	same := func(what string, a, b any) {
		t.Helper()
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		if string(x) != string(y) {
			t.Errorf("%s: %s before, %s now", what, x, y)
		}
	}
	for _, key := range keys {
		_, was, _ := before.KeyOwner(key.ID())
		owner, valid, known := now.KeyOwner(key.ID())
		if !known || owner != "strato" || valid != (was && key.ID() != keys[5].ID()) {
			t.Errorf("key %.12s: %s, valid %t, known %t; it was valid %t", key.ID(), owner, valid, known, was)
		}
	}
	for i, list := range [][2]any{
		{plain(before.Facilities()), plain(now.Facilities())}, {plain(before.Recorders()), plain(now.Recorders())}, {plain(before.Tenants()), plain(now.Tenants())},
		{plain(before.Operators()), plain(now.Operators())}, {plain(before.Holds()), plain(now.Holds())}, {before.WitnessPolicy(), "log " + w.Trusted.Key + "\n" + now.WitnessPolicy()},
	} {
		same(string(rune('a'+i)), list[0], list[1])
	}
	if len(now.Authorities()) != 3 {
		t.Errorf("authorities %+v", now.Authorities())
	}
	if parties := snapshot.Operators(o); len(parties) != 2 || parties[1].Name != "strato" || !parties[1].Suspended || parties[1].Keyless {
		t.Errorf("parties %+v", parties)
	}
	// Recorders go on from where they stood.
	for recorder, h := range snapshot.Heads {
		if raw := w.Bodies[h.Leaf]; len(raw) == 0 {
			t.Errorf("%s stood at leaf %d", recorder, h.Leaf)
		}
	}

	compared, err := succession.Compare(t.Context(), next.Dir, w.Dir, nil)
	if err != nil || compared.Same != len(acts)-1 || len(compared.Missing)+len(compared.Different) > 0 {
		t.Errorf("compared %+v, %v: want %d the same", compared, err, len(acts)-1)
	}
}

// TestCompare has acts be taken over otherwise than they were.
func TestCompare(t *testing.T) {
	w, _ := ended(t)
	snapshot, err := succession.Read(t.Context(), w.Dir, last(t, w), nil)
	if err != nil {
		t.Fatal(err)
	}
	acts, _, err := snapshot.Acts(succession.Options{Authority: w.Authority(), Reason: "order 12"})
	if err != nil {
		t.Fatal(err)
	}
	next := readertest.NewSuccessor(t, "ledger.example.my/test-2", string(last(t, w)))
	adopt(t, next, acts, func(act succession.Act, e *events.Event) *events.Event {
		switch act.What {
		case "hold mcmc H-1":
			return nil
		case "facility lab-9":
			e.Data = []byte(strings.Replace(string(e.Data), "MY", "SG", 1))
		case "customer strato/bank-03":
			e.Subject = "ledger.example.my/test#1/0"
		}
		return e
	})
	invented, err := vocabulary.FacilityDeclared.Of(events.FacilityDeclared{Facility: "lab-7", Country: "MY"}).Event(events.RegistryRecorder("mcmc"), vocabulary.Attributes{ID: "adopted-00000000000000000000000000000000"})
	if err != nil {
		t.Fatal(err)
	}
	next.Say(invented)
	compared, err := succession.Compare(t.Context(), next.Dir, w.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if compared.Same != len(acts)-4 || len(compared.Missing) != 1 || len(compared.Different) != 3 {
		t.Errorf("compared %+v: of %d acts, one says that the others are taken over, one is missing, two are different and one is invented", compared, len(acts))
	}
	if _, err := succession.Compare(t.Context(), w.Dir, next.Dir, nil); err == nil {
		t.Error("a tree that takes the place of none was compared")
	}
	if _, err := succession.Compare(t.Context(), next.Dir, next.Dir, nil); err == nil {
		t.Error("another tree was taken for the one before")
	}
}

func registryOf(t *testing.T, w *readertest.World) (r *admission.Registry) {
	t.Helper()
	w.Ledger.Registry(func(now *admission.Registry) { r = now })
	return r
}

// plain is a list without leaves, which differ.
func plain(v any) []string {
	b, err := json.Marshal(v)
	if err != nil {
		return []string{err.Error()}
	}
	var list []map[string]any
	if err := json.Unmarshal(b, &list); err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, one := range list {
		delete(one, "leaf")
		b, _ := json.Marshal(one)
		all = append(all, string(b))
	}
	slices.Sort(all)
	return all
}
