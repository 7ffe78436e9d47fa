// Package readertest is the conformance suite that every ledger.Reader passes.
//
// [Run] is the suite; [World] is a real ledger that it reads, while it grows.
//
// Not here: anything that is linked into a program.
package readertest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/schemas"
)

// Origin is the ledger's.
const Origin = "ledger.example.my/test"

// World is a ledger with an authority and an operator. Its methods are for one
// goroutine.
type World struct {
	t testing.TB
	// Dir is the ledger's directory, which has published a checkpoint.
	Dir string
	Log *formats.Log
	// Trusted is what an auditor's trust file says of it.
	Trusted verify.TrustedLedger
	// LogKey signs checkpoints, for tests in which the log lies.
	LogKey note.Signer
	// Ledger is open for writing until the test ends.
	Ledger *writer.Ledger
	// Now, if not nil, is the ledger's clock for its own events.
	Now func() time.Time
	// Bodies are those of all leaves, by index. Read it between calls of Grow only.
	Bodies [][]byte

	authority, operator *events.Signer
	registry, recorder  events.Manifest
	seq                 uint64
	genuine             []byte // an envelope that was accepted
	repeats             bool   // the last body is genuine once more
}

// New makes a ledger whose only leaf is its genesis.
func New(t testing.TB) *World {
	t.Helper()
	return newWorld(t, Origin, "")
}

// NewSuccessor makes a ledger that takes the place of another, whose last checkpoint
// its genesis holds.
func NewSuccessor(t testing.TB, origin, predecessor string) *World {
	t.Helper()
	return newWorld(t, origin, predecessor)
}

func newWorld(t testing.TB, origin, predecessor string) *World {
	t.Helper()
	w := &World{t: t, Dir: t.TempDir(), authority: newSigner(t), operator: newSigner(t)}
	private, public, err := note.GenerateKey(rand.Reader, origin)
	w.must(err)
	w.LogKey, err = note.NewSigner(private)
	w.must(err)
	w.Log, err = formats.NewLog(public)
	w.must(err)
	config := writer.Config{Dir: w.Dir, LogKey: w.LogKey, EventKey: newSigner(t), Log: slog.New(slog.DiscardHandler), Now: w.now}
	w.registry = events.Manifest{Recorder: events.RegistryRecorder("mcmc"), Incarnation: 1, First: 1}
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	w.must(err)
	w.recorder = events.Manifest{Recorder: recorder, Incarnation: 1, First: 1}
	genesis := w.seal(&w.registry, w.authority, events.TypeGenesis, events.Genesis{
		Origin: origin, Jurisdiction: "MY", Predecessor: predecessor,
		Authorities: []events.GenesisMandate{{
			Authority: "mcmc", Key: w.authority.PublicKey().String(),
			Mandate: events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}},
		}},
		LedgerKey: config.EventKey.PublicKey().String(), LogKey: public,
		Ruleset:   events.DigestOf(schemas.CurrentRuleset()).String(),
		Retention: events.Retention{Access: "P7Y", Facility: "P7Y", Attestation: "P7Y", Registry: "forever", Rejected: "P1Y", Disclosures: "P1Y"},
	})
	w.must(writer.Create(t.Context(), config, genesis))
	w.Bodies = append(w.Bodies, genesis)
	first, err := w.log(config.Dir)
	w.must(err)
	w.Trusted = verify.TrustedLedger{Origin: origin, Key: public, Genesis: first.Root}
	w.Ledger, err = writer.Open(t.Context(), config)
	w.must(err)
	t.Cleanup(func() { w.Ledger.Close(t.Context()) })
	return w
}

// log opens the checkpoint that a ledger's directory has published.
func (w *World) log(dir string) (*formats.Checkpoint, error) {
	note, err := archive.ReadCheckpoint(dir)
	if err != nil {
		return nil, err
	}
	return w.Log.OpenCheckpoint(note)
}

func (w *World) now() time.Time {
	if w.Now != nil {
		return w.Now()
	}
	return time.Now()
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func newSigner(t testing.TB) *events.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := events.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// seal makes the next envelope of a recorder, with one event for each data.
func (w *World) seal(m *events.Manifest, signer *events.Signer, eventType string, data ...any) []byte {
	lines := make([][]byte, len(data))
	for i := range data {
		event, err := events.NewEvent(m.Recorder, eventType, fmt.Sprintf("e-%d-%d", m.First, i), time.Now(), data[i], rand.Reader)
		w.must(err)
		lines[i], err = event.Marshal()
		w.must(err)
	}
	envelope, err := events.Seal(m, lines, signer)
	w.must(err)
	m.First, m.Previous = m.Last()+1, envelope.ManifestDigest()
	return envelope.Marshal()
}

// kept returns what the ledger keeps of a body: of a duplicate, line 1 alone.
func (w *World) kept(body []byte) []byte {
	if w.genuine == nil || !w.repeats || !bytes.Equal(body, w.genuine) {
		return body
	}
	envelope, err := events.ParseEnvelope(body)
	w.must(err)
	line1, err := envelope.Without()
	w.must(err)
	return line1.Marshal()
}

// Grow adds messages until the ledger has size leaves: registry events first, then
// envelopes of one event and of several, duplicates, and messages that are rejected,
// among them an empty one. It returns when a checkpoint that covers them is published.
func (w *World) Grow(size uint64) {
	w.t.Helper()
	for uint64(len(w.Bodies)) < size {
		n := min(size-uint64(len(w.Bodies)), writer.MaxChunk)
		messages := make([]writer.Received, n)
		for i := range messages {
			messages[i] = w.next()
		}
		_, err := w.Ledger.Admit(w.t.Context(), w.Ledger.Prepare(messages))
		w.must(err)
	}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		signed, err := w.Ledger.Checkpoint(w.t.Context())
		w.must(err)
		checkpoint, err := w.Log.OpenCheckpoint(signed)
		w.must(err)
		if checkpoint.Size >= size {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("no checkpoint of %d leaves was published in 5 minutes", size)
		}
	}
}

// Say has the authority say events in one envelope.
func (w *World) Say(said ...*events.Event) {
	w.t.Helper()
	lines := make([][]byte, len(said))
	for i, e := range said {
		var err error
		lines[i], err = e.Marshal()
		w.must(err)
	}
	envelope, err := events.Seal(&w.registry, lines, w.authority)
	w.must(err)
	w.registry.First, w.registry.Previous = w.registry.Last()+1, envelope.ManifestDigest()
	w.seq++
	body := envelope.Marshal()
	w.Bodies = append(w.Bodies, body)
	rejected, err := w.Ledger.Admit(w.t.Context(), w.Ledger.Prepare([]writer.Received{{Subject: w.registry.Recorder.Subject(), Body: body, Seq: w.seq, Time: time.Now()}}))
	w.must(err)
	for _, r := range rejected {
		w.t.Fatalf("what the authority says is rejected: %+v", r)
	}
	w.Grow(uint64(len(w.Bodies)))
}

// Authority is the name of who runs the ledger.
func (w *World) Authority() string { return w.registry.Recorder.Owner }

// Order adds the authority's order to erase an event of a leaf.
func (w *World) Order(leaf uint64, event int) {
	w.t.Helper()
	place := events.Integer(event)
	body := w.seal(&w.registry, w.authority, events.TypeBodyErased,
		events.BodyErased{Recorder: w.recorder.Recorder.String(), Leaf: events.Integer(leaf), Event: &place, Ground: "court-order"})
	w.seq++
	w.Bodies = append(w.Bodies, body)
	_, err := w.Ledger.Admit(w.t.Context(), w.Ledger.Prepare([]writer.Received{{Subject: w.registry.Recorder.Subject(), Body: body, Seq: w.seq, Time: time.Now()}}))
	w.must(err)
	w.Grow(uint64(len(w.Bodies)))
}

func (w *World) next() writer.Received {
	var body []byte
	recorder := w.recorder.Recorder
	w.repeats = false
	switch index := len(w.Bodies); {
	case index == 1:
		recorder = w.registry.Recorder
		body = w.seal(&w.registry, w.authority, events.TypeOperatorAdmitted,
			events.OperatorAdmitted{Operator: "nimbus-my", Country: "CN", Keys: []string{w.operator.PublicKey().String()}})
	case index == 2:
		recorder = w.registry.Recorder
		body = w.seal(&w.registry, w.authority, events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-1", Country: "MY"})
	case index == 3:
		recorder = w.registry.Recorder
		body = w.seal(&w.registry, w.authority, events.TypeRecorderDeclared,
			events.RecorderDeclared{Recorder: "nimbus-my/lab-1/bastion-1", Kind: events.RecorderBastion})
	case index%11 == 5:
		body = []byte("no envelope\n")
	case index%37 == 6:
		body = []byte{}
	case index%13 == 7 && w.genuine != nil:
		body, w.repeats = w.genuine, true
	case index%7 == 4:
		body = w.seal(&w.recorder, w.operator, events.TypeSessionClosed, closed(), closed(), closed())
	default:
		body = w.seal(&w.recorder, w.operator, events.TypeSessionClosed, closed())
		w.genuine = body
	}
	w.seq++
	w.Bodies = append(w.Bodies, w.kept(body))
	return writer.Received{Subject: recorder.Subject(), Body: body, Seq: w.seq, Time: time.Now()}
}

func closed() any {
	return map[string]any{
		"session": "s-1", "ended": "normal",
		"actor": map[string]any{"id": "p-1", "kind": "person", "party": "operator", "employerCountry": "??", "officeCountry": "??", "physicalCountry": "??"},
	}
}

// Start runs what runs until its context ends, and returns what ends it and waits. It is
// ended with the test at the latest.
func Start(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}
