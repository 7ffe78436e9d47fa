package admission_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

const before = "ledger.example.my/saksi/before"

// newSuccessor returns one whose genesis holds the last checkpoint of a tree of 1,000 leaves.
func newSuccessor(t *testing.T) *mind {
	t.Helper()
	private, _, err := note.GenerateKey(rand.Reader, before)
	if err != nil {
		t.Fatal(err)
	}
	s := must[note.Signer](t)(note.NewSigner(private))
	signed := must[[]byte](t)(note.Sign(&note.Note{Text: fmt.Sprintf("%s\n1000\n%s\n", before, tlog.Hash{1})}, s))
	envelope := must[*events.Envelope](t)(events.ParseEnvelope(newGenesis(t)))
	e := must[*events.Event](t)(events.ParseEvent(envelope.Lines[0]))
	var g events.Genesis
	if err := json.Unmarshal(e.Data, &g); err != nil {
		t.Fatal(err)
	}
	g.Predecessor = string(signed)
	genesis := seal(t, &events.Manifest{Recorder: registry, Incarnation: 1, First: 1}, []*events.Signer{signer(mcmc)}, event(t, registry, events.TypeGenesis, g))
	m := begin(t, genesis)
	m.want(t, "", registry, genesis)
	return m
}

// TestPredecessor has the registry say what it takes over from the tree before, and where
// recorders stood there.
func TestPredecessor(t *testing.T) {
	m := newSuccessor(t)
	adopted := func(d events.PredecessorAdopted) *events.Event {
		d.Reason = "the log's key was stolen"
		return registryEvent(t, events.TypePredecessorAdopted, d)
	}
	root := tlog.Hash{1}.String()
	m.say(t, "", adopted(events.PredecessorAdopted{Origin: before, Size: 1000, Root: root}))
	m.say(t, "inconsistent", adopted(events.PredecessorAdopted{Origin: before + "x", Size: 1000, Root: root}))
	m.say(t, "inconsistent", adopted(events.PredecessorAdopted{Origin: before, Size: 999, Root: root}))
	m.say(t, "inconsistent", adopted(events.PredecessorAdopted{Origin: before, Size: 1000, Root: tlog.Hash{2}.String()}))

	name := nimbus + "/" + lab + "/r1"
	manifest := events.DigestOf([]byte("the manifest before"))
	continued := func(d events.RecorderContinued) *events.Event {
		d.Recorder, d.Manifest = name, manifest.String()
		return registryEvent(t, events.TypeRecorderContinued, d)
	}
	m.say(t, "unknown_recorder", continued(events.RecorderContinued{Incarnation: 2, Last: 37, Leaf: 900}))
	m.say(t, "", facility(t, lab), admitted(t, nimbus, "n1"), declared(t, name, 1))
	m.say(t, "inconsistent", continued(events.RecorderContinued{Incarnation: 2, Last: 37, Leaf: 1000}))
	r := recorder(t, name)
	if _, found := m.Head(r); found {
		t.Fatal("a recorder has a head that nobody gave it")
	}
	// All of an envelope or none: what is refused after it takes it back.
	m.say(t, "inconsistent", continued(events.RecorderContinued{Incarnation: 2, Last: 37, Leaf: 900}), adopted(events.PredecessorAdopted{Origin: before, Size: 1, Root: root}))
	if _, found := m.Head(r); found {
		t.Fatal("a head stays of what was refused")
	}
	m.say(t, "", continued(events.RecorderContinued{Incarnation: 2, Last: 37, Leaf: 900}))
	want := admission.Head{Incarnation: 2, Last: 37, Manifest: manifest, Leaf: m.next - 1}
	if h, _ := m.Head(r); h != want {
		t.Fatalf("head %+v: want %+v", h, want)
	}
	// It goes on, and is not put back.
	m.want(t, "", r, seal(t, &events.Manifest{Recorder: r, Incarnation: 2, First: 38, Previous: manifest}, []*events.Signer{signer("n1")}, access(t, r)))
	m.say(t, "", continued(events.RecorderContinued{Incarnation: 2, Last: 37, Leaf: 900}))
	if h, _ := m.Head(r); h.Last != 38 {
		t.Fatalf("head %+v: want the one that it has come to", h)
	}

	// A tree that takes the place of none.
	m = newMind(t)
	m.say(t, "", facility(t, lab), admitted(t, nimbus, "n1"), declared(t, name, 1))
	m.say(t, "inconsistent", adopted(events.PredecessorAdopted{Origin: before, Size: 1000, Root: root}))
	m.say(t, "inconsistent", continued(events.RecorderContinued{Incarnation: 2, Last: 37, Leaf: 900}))
	// It is for those who may speak of everything.
	m = newSuccessor(t)
	m.say(t, "", facility(t, lab), admitted(t, nimbus, "n1"), declared(t, name, 1), authority(t, "local", "l1", "", onlyLab))
	m.sayAs(t, "local", "outside_mandate", []string{"l1"}, adopted(events.PredecessorAdopted{Origin: before, Size: 1000, Root: root}))
}
