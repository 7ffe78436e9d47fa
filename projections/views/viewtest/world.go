// Package viewtest runs tests of views on a real ledger in this process, at any speed of
// time.
//
// Not here: anything that is linked into a program.
package viewtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/schemas"
)

// The names in a [World].
const (
	Operator  = "nimbus-my"
	Landlord  = "menara-dc"
	Facility  = "lab-1"
	authority = "mcmc"
)

// World is a ledger with two operators at a facility. It is for one goroutine.
type World struct {
	// Now is what clocks show.
	Now time.Time

	t        testing.TB
	config   writer.Config
	logKey   string
	ledger   *writer.Ledger
	signers  map[string]*events.Signer // by operator
	registry *Recorder
	seq      uint64            // of the stream
	waiting  []writer.Received // to be made leaves
	refused  int               // of those waiting
}

// New makes a World in which it is 2026-11-23T00:00:00Z.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{
		Now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC), t: t,
		signers: map[string]*events.Signer{Operator: newSigner(t), Landlord: newSigner(t)},
	}
	private, public, err := note.GenerateKey(rand.Reader, "ledger.example.my/test")
	w.must(err)
	w.logKey = public
	w.config = writer.Config{
		Dir: t.TempDir(), EventKey: newSigner(t), Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return w.Now },
	}
	w.config.LogKey, err = note.NewSigner(private)
	w.must(err)
	signer := newSigner(t)
	w.registry = &Recorder{w: w, signers: []*events.Signer{signer}, next: events.Manifest{Recorder: events.RegistryRecorder(authority), Incarnation: 1, First: 1}}
	genesis := w.registry.Seal(Said{Type: events.TypeGenesis, Data: events.Genesis{
		Origin: "ledger.example.my/test", Jurisdiction: "MY",
		Authorities: []events.GenesisMandate{{
			Authority: authority, Key: signer.PublicKey().String(),
			Mandate: events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}},
		}},
		LedgerKey: w.config.EventKey.PublicKey().String(), LogKey: public,
		Ruleset:     events.DigestOf(schemas.CurrentRuleset()).String(),
		Retention:   events.Retention{Access: "P7Y", Facility: "P7Y", Attestation: "P7Y", Registry: "forever", Rejected: "P1Y", Disclosures: "P1Y"},
		Predecessor: predecessor(t),
	}})
	w.must(writer.Create(t.Context(), w.config, genesis.body))
	w.ledger, err = writer.Open(t.Context(), w.config)
	w.must(err)
	t.Cleanup(func() {
		if w.ledger != nil {
			w.ledger.Close(t.Context())
		}
	})
	for _, name := range []string{Operator, Landlord} {
		w.Register(events.TypeOperatorAdmitted, events.OperatorAdmitted{
			Operator: name, Country: "MY", Keys: []string{w.signers[name].PublicKey().String()},
		})
	}
	w.Register(events.TypeFacilityDeclared, events.FacilityDeclared{
		Facility: Facility, Country: "MY", Landlord: Landlord, Occupants: []string{Operator},
	})
	return w
}

// predecessor is the last checkpoint of a tree before this one, of 1,000 leaves.
func predecessor(t testing.TB) string {
	t.Helper()
	private, _, err := note.GenerateKey(rand.Reader, "ledger.example.my/before")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("ledger.example.my/before\n1000\n%s\n", tlog.Hash{1})}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

// GoOnFrom has the registry say where a recorder stood in the tree before this one, and the
// recorder go on from there.
func (r *Recorder) GoOnFrom(last uint64) events.Ref {
	r.w.t.Helper()
	manifest := events.DigestOf(fmt.Append(nil, r.Name(), last))
	r.next.First, r.next.Previous = last+1, manifest
	return r.w.Register(events.TypeRecorderContinued, events.RecorderContinued{
		Recorder: r.Name(), Incarnation: events.Integer(r.next.Incarnation), Last: events.Integer(last), Manifest: manifest.String(), Leaf: 999,
	})
}

// Register has the authority say something.
func (w *World) Register(eventType string, data any) events.Ref {
	w.t.Helper()
	return w.registry.Say(Said{Type: eventType, Data: data})
}

// Recorder declares a recorder of an operator's; every is how often it must attest.
func (w *World) Recorder(operator, name string, kind events.RecorderKind, every time.Duration) *Recorder {
	w.t.Helper()
	return w.RecorderAt(operator, Facility, name, kind, every)
}

// RecorderAt is Recorder at another facility, which must be registered.
func (w *World) RecorderAt(operator, facility, name string, kind events.RecorderKind, every time.Duration) *Recorder {
	w.t.Helper()
	full := operator + "/" + facility + "/" + name
	recorder, err := events.ParseRecorder(full)
	w.must(err)
	w.Register(events.TypeRecorderDeclared, events.RecorderDeclared{
		Recorder: full, Kind: kind, AttestEverySeconds: events.Integer(every / time.Second),
	})
	return &Recorder{w: w, signers: []*events.Signer{w.signers[operator]}, next: events.Manifest{Recorder: recorder, Incarnation: 1, First: 1}}
}

// Key returns the key that an operator was admitted with.
func (w *World) Key(operator string) *events.Signer { return w.signers[operator] }

// AddKey gives an operator one more key. Recorders sign with it when they are told to.
func (w *World) AddKey(operator string) *events.Signer {
	w.t.Helper()
	signer := newSigner(w.t)
	w.Register(events.TypeKeyAdded, events.KeyAdded{Operator: operator, Key: signer.PublicKey().String()})
	return signer
}

// RevokeKey revokes an operator's key; from, if not zero, is from when it is in doubt.
func (w *World) RevokeKey(operator string, signer *events.Signer, from time.Time) events.Ref {
	w.t.Helper()
	d := events.KeyRevoked{Operator: operator, KeyID: string(signer.PublicKey().ID()), Reason: "stolen"}
	if !from.IsZero() {
		d.From = events.At(from)
	}
	return w.Register(events.TypeKeyRevoked, d)
}

// SignWith has the recorder sign with these keys from here on.
func (r *Recorder) SignWith(signers ...*events.Signer) { r.signers = signers }

// Pass lets time pass, with a few clock leaves on the way and one at the end.
func (w *World) Pass(d time.Duration) {
	w.t.Helper()
	end, step := w.Now.Add(d), max(time.Hour, d/4)
	for w.Now.Add(step).Before(end) {
		w.Now = w.Now.Add(step)
		w.Clock()
	}
	w.Now = end
	w.Clock()
}

// Clock has the ledger say what time it is.
func (w *World) Clock() {
	w.t.Helper()
	w.flush()
	w.must(w.ledger.AppendClock(w.t.Context()))
}

// Size is how many leaves there are.
func (w *World) Size() uint64 { return w.ledger.Size() + uint64(len(w.waiting)) }

// Reader closes the ledger and returns a reader of it, and its size. Nothing can be
// said after that.
func (w *World) Reader() (ledger.Reader, uint64) {
	w.t.Helper()
	w.flush()
	size := w.ledger.Size()
	w.must(w.ledger.Close(w.t.Context()))
	w.ledger = nil
	log, err := formats.NewLog(w.logKey)
	w.must(err)
	reader, err := archive.OpenDirectory(w.config.Dir, log)
	w.must(err)
	w.t.Cleanup(func() { reader.Close() })
	return reader, size
}

// admit has the ledger take a message, later but as of now, and returns the leaf that
// it will be.
func (w *World) admit(subject string, body []byte) uint64 {
	w.t.Helper()
	if len(w.waiting) == writer.MaxChunk {
		w.flush()
	}
	index := w.Size()
	w.seq++
	w.waiting = append(w.waiting, writer.Received{Subject: subject, Body: body, Seq: w.seq, Time: w.Now})
	return index
}

// flush makes leaves of what waits. The ledger must reject as much as [World.Refuse]
// said.
func (w *World) flush() {
	w.t.Helper()
	if len(w.waiting) == 0 {
		return
	}
	rejections, err := w.ledger.Admit(w.t.Context(), w.ledger.Prepare(w.waiting))
	w.must(err)
	if len(rejections) != w.refused {
		w.t.Fatalf("%d rejections, want %d: %+v", len(rejections), w.refused, rejections)
	}
	w.waiting, w.refused = nil, 0
}

// Refuse has the ledger take a message that it rejects.
func (w *World) Refuse(subject, body string) {
	w.t.Helper()
	w.admit(subject, []byte(body))
	w.refused++
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func newSigner(t testing.TB) *events.Signer {
	t.Helper()
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

// Said is an event to be said.
type Said struct {
	Type string
	At   time.Time // when it happened; zero: now
	Data any
}

// Recorder says things. Its fields may be set before each envelope, to say what no
// honest one would.
type Recorder struct {
	w       *World
	signers []*events.Signer
	next    events.Manifest
	n       int // of events made
}

// Envelope is what a recorder has signed.
type Envelope struct {
	Manifest events.Manifest
	Digest   events.Digest // of the manifest

	w    *World
	body []byte
}

// Name returns the recorder's full name.
func (r *Recorder) Name() string { return r.next.Recorder.String() }

// Next is the manifest of the next envelope, to be changed.
func (r *Recorder) Next() *events.Manifest { return &r.next }

// Seal makes the next envelope without sending it.
func (r *Recorder) Seal(said ...Said) *Envelope {
	r.w.t.Helper()
	lines := make([][]byte, len(said))
	for i, s := range said {
		r.n++
		at := s.At
		if at.IsZero() {
			at = r.w.Now
		}
		event, err := events.NewEvent(r.next.Recorder, s.Type, fmt.Sprintf("e-%d", r.n), at, s.Data, rand.Reader)
		r.w.must(err)
		lines[i], err = event.Marshal()
		r.w.must(err)
	}
	return r.SealLines(lines)
}

// SealLines makes the next envelope of events that are marshalled already.
func (r *Recorder) SealLines(lines [][]byte) *Envelope {
	r.w.t.Helper()
	manifest := r.next
	sealed, err := events.Seal(&manifest, lines, r.signers...)
	r.w.must(err)
	r.next.First, r.next.Previous = manifest.Last()+1, sealed.ManifestDigest()
	return &Envelope{Manifest: manifest, Digest: sealed.ManifestDigest(), w: r.w, body: sealed.Marshal()}
}

// Send has the ledger take an envelope, and returns the ref of its first event.
func (e *Envelope) Send() events.Ref {
	e.w.t.Helper()
	return events.Ref{Leaf: e.w.admit(e.Manifest.Recorder.Subject(), e.body)}
}

// Say makes the next envelope and sends it.
func (r *Recorder) Say(said ...Said) events.Ref {
	r.w.t.Helper()
	return r.Seal(said...).Send()
}

// Restart has the recorder count anew, in a new incarnation.
func (r *Recorder) Restart() {
	r.next.Incarnation++
	r.next.First = 1
}

// Lines returns the events of an envelope.
func (e *Envelope) Lines() [][]byte {
	e.w.t.Helper()
	parsed, err := events.ParseEnvelope(e.body)
	e.w.must(err)
	return parsed.Lines
}
