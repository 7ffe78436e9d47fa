package admission_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/schemas"
)

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

func must[T any](t tester) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// signer returns the same key for the same name.
func signer(name string) *events.Signer {
	seed := sha256.Sum256([]byte(name))
	s, err := events.NewSigner(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		panic(err) // an Ed25519 key in memory
	}
	return s
}

// mind is a State and what it stands on.
type mind struct {
	*admission.State
	rules *admission.Rules
	store admission.Memory
	next  uint64 // leaf
}

const (
	mcmc   = "mcmc"
	nimbus = "nimbus-my"
	lab    = "lab-1"
)

var registry = events.RegistryRecorder(mcmc)

func recorder(t tester, name string) events.Recorder {
	t.Helper()
	return must[events.Recorder](t)(events.ParseRecorder(name))
}

// newGenesis returns the body of leaf 0.
func newGenesis(t tester) []byte {
	t.Helper()
	return newGenesisUnder(t, events.DigestOf(schemas.CurrentRuleset()).String(), signer("ledger"))
}

// newGenesisUnder returns one that adopts a rule set, with the ledger's event key.
func newGenesisUnder(t tester, ruleset string, eventKey *events.Signer) []byte {
	t.Helper()
	_, logKey, err := note.GenerateKey(rand.Reader, "ledger.example.my/saksi/test")
	if err != nil {
		t.Fatal(err)
	}
	// Rule sets of before there were several authorities have the first version.
	typ, retention := events.TypeGenesis, events.Retention{Access: "P7Y", Facility: "P7Y", Attestation: "P7Y", Registry: "forever", Rejected: "P1Y", Disclosures: "P1Y"}
	if ruleset == ed25519Alone {
		typ, retention.Disclosures = events.TypeGenesisV1, ""
	}
	return seal(t, &events.Manifest{Recorder: registry, Incarnation: 1, First: 1}, []*events.Signer{signer(mcmc)}, event(t, registry, typ, events.Genesis{
		Origin: "ledger.example.my/saksi/test", Jurisdiction: "MY",
		Authorities: []events.GenesisMandate{{
			Authority: mcmc, Key: signer(mcmc).PublicKey().String(), Mandate: events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}},
		}},
		LedgerKey: eventKey.PublicKey().String(), LogKey: logKey, Ruleset: ruleset,
		Retention: retention,
	}))
}

// begin returns a mind that has judged nothing.
func begin(t tester, genesis []byte) *mind {
	t.Helper()
	m := &mind{store: admission.Memory{}}
	var err error
	if m.State, m.rules, err = admission.Start(genesis, m.store); err != nil {
		t.Fatal(err)
	}
	return m
}

// newMind returns one that has accepted its genesis.
func newMind(t *testing.T) *mind {
	t.Helper()
	genesis := newGenesis(t)
	m := begin(t, genesis)
	m.want(t, "", registry, genesis)
	return m
}

// judge has a message judged on the subject of a recorder.
func (m *mind) judge(t tester, on events.Recorder, body []byte) admission.Verdict {
	t.Helper()
	c := m.rules.Prepare([]admission.Message{{Subject: on.Subject(), Body: body}})[0]
	v := must[admission.Verdict](t)(m.Judge(c, m.next))
	m.next++
	return v
}

// want judges, and compares the code; none means accepted.
func (m *mind) want(t tester, code string, on events.Recorder, body []byte) {
	t.Helper()
	v := m.judge(t, on, body)
	if v.Code != code || (code == "") != (v.Verdict == "accepted") {
		t.Errorf("leaf %d is %s %s (%s): want %q", m.next-1, v.Verdict, v.Code, v.Reason, code)
	}
}

// say has the authority say something in one envelope, after whatever came last.
func (m *mind) say(t tester, code string, said ...*events.Event) {
	t.Helper()
	head, _ := m.Head(registry)
	m.want(t, code, registry, seal(t, &events.Manifest{Recorder: registry, Incarnation: 1, First: head.Last + 1, Previous: head.Manifest}, []*events.Signer{signer(mcmc)}, said...))
}

func event(t tester, by events.Recorder, eventType string, data any) *events.Event {
	t.Helper()
	var id [8]byte
	rand.Read(id[:])
	return must[*events.Event](t)(events.NewEvent(by, eventType, fmt.Sprintf("%x", id), time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), data, rand.Reader))
}

func registryEvent(t tester, eventType string, data any) *events.Event {
	t.Helper()
	return event(t, registry, eventType, data)
}

// access is an event that an operator may say.
func access(t tester, by events.Recorder) *events.Event {
	t.Helper()
	return event(t, by, events.TypeAccessPerformed, events.AccessPerformed{
		Actor:     events.Actor{ID: "p-1", Kind: events.KindPerson, Party: events.PartyOperator, EmployerCountry: "MY", OfficeCountry: "MY", PhysicalCountry: "MY"},
		Operation: "console.attach", Access: events.AccessAdmin, Outcome: events.OutcomeSuccess,
		Reason: events.Reason{Code: events.ReasonUnstated}, Mode: events.ModeRemote, From: events.From{Country: "MY"},
	})
}

func seal(t tester, m *events.Manifest, signers []*events.Signer, said ...*events.Event) []byte {
	t.Helper()
	lines := make([][]byte, len(said))
	for i, e := range said {
		lines[i] = must[[]byte](t)(e.Marshal())
	}
	return must[*events.Envelope](t)(events.Seal(m, lines, signers...)).Marshal()
}

func admitted(t tester, operator string, keys ...string) *events.Event {
	t.Helper()
	d := events.OperatorAdmitted{Operator: operator, Country: "MY"}
	for _, k := range keys {
		d.Keys = append(d.Keys, signer(k).PublicKey().String())
	}
	return registryEvent(t, events.TypeOperatorAdmitted, d)
}

func revoked(t tester, operator, key string) *events.Event {
	t.Helper()
	return registryEvent(t, events.TypeKeyRevoked, events.KeyRevoked{Operator: operator, KeyID: string(signer(key).PublicKey().ID()), Reason: "stolen"})
}

func facility(t tester, name string) *events.Event {
	t.Helper()
	return registryEvent(t, events.TypeFacilityDeclared, events.FacilityDeclared{Facility: name, Country: "MY"})
}

func declared(t tester, name string, signatures int) *events.Event {
	t.Helper()
	return registryEvent(t, events.TypeRecorderDeclared, events.RecorderDeclared{Recorder: name, Kind: events.RecorderBastion, Signatures: events.Integer(signatures)})
}
