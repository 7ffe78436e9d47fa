package writer

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/schemas"
)

// world is a ledger's directory with all its keys, and an operator's.
type world struct {
	t         testing.TB
	config    Config
	authority *events.Signer
	operator  *events.Signer
	seq       uint64 // of the stream
	registry  events.Manifest
	recorder  events.Manifest
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, authority: newSigner(t), operator: newSigner(t)}
	private, public, err := note.GenerateKey(rand.Reader, "ledger.example.my/test")
	must(t, err)
	w.config = Config{Dir: t.TempDir(), EventKey: newSigner(t), Log: slog.New(slog.DiscardHandler)}
	w.config.LogKey, err = note.NewSigner(private)
	must(t, err)
	w.registry = events.Manifest{Recorder: events.RegistryRecorder("mcmc"), Incarnation: 1, First: 1}
	genesis := w.seal(&w.registry, w.authority, events.TypeGenesis, events.Genesis{
		Origin: "ledger.example.my/test", Jurisdiction: "MY",
		Authorities: []events.GenesisMandate{{
			Authority: "mcmc", Key: w.authority.PublicKey().String(),
			Mandate: events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}},
		}},
		LedgerKey: w.config.EventKey.PublicKey().String(), LogKey: public,
		Ruleset:   events.DigestOf(schemas.CurrentRuleset()).String(),
		Retention: events.Retention{Access: "P7Y", Facility: "P7Y", Attestation: "P7Y", Registry: "forever", Rejected: "P1Y", Disclosures: "P1Y"},
	})
	must(t, Create(t.Context(), w.config, genesis))
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	must(t, err)
	w.recorder = events.Manifest{Recorder: recorder, Incarnation: 1, First: 1}
	l := w.open()
	w.admit(l, w.message(w.registry.Recorder, w.seal(&w.registry, w.authority, events.TypeOperatorAdmitted,
		events.OperatorAdmitted{Operator: "nimbus-my", Country: "CN", Keys: []string{w.operator.PublicKey().String()}})))
	w.admit(l, w.message(w.registry.Recorder, w.seal(&w.registry, w.authority, events.TypeFacilityDeclared,
		events.FacilityDeclared{Facility: "lab-1", Country: "MY"})))
	w.admit(l, w.message(w.registry.Recorder, w.seal(&w.registry, w.authority, events.TypeRecorderDeclared,
		events.RecorderDeclared{Recorder: "nimbus-my/lab-1/bastion-1", Kind: events.RecorderBastion})))
	must(t, l.Close(t.Context()))
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newSigner(t testing.TB) *events.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	signer, err := events.NewSigner(private)
	must(t, err)
	return signer
}

// seal makes the next envelope of a recorder, with one event, and moves on.
func (w *world) seal(m *events.Manifest, signer *events.Signer, eventType string, data any) []byte {
	event, err := events.NewEvent(m.Recorder, eventType, fmt.Sprint("e-", m.First), time.Now(), data, rand.Reader)
	must(w.t, err)
	line, err := event.Marshal()
	must(w.t, err)
	envelope, err := events.Seal(m, [][]byte{line}, signer)
	must(w.t, err)
	m.First, m.Previous = m.Last()+1, envelope.ManifestDigest()
	return envelope.Marshal()
}

func (w *world) message(r events.Recorder, body []byte) Received {
	w.seq++
	return Received{Subject: r.Subject(), Body: body, Seq: w.seq, Time: time.Now()}
}

// said makes n messages of the operator's.
func (w *world) said(n int) []Received {
	messages := make([]Received, n)
	for i := range messages {
		messages[i] = w.message(w.recorder.Recorder, w.seal(&w.recorder, w.operator, events.TypeSessionClosed, map[string]any{
			"session": "s-1", "ended": "normal",
			"actor": map[string]any{"id": "p-1", "kind": "person", "party": "operator", "employerCountry": "??", "officeCountry": "??", "physicalCountry": "??"},
		}))
	}
	return messages
}

func (w *world) open() *Ledger {
	w.t.Helper()
	l, err := Open(w.t.Context(), w.config)
	must(w.t, err)
	w.t.Cleanup(l.abandon)
	return l
}

func (w *world) admit(l *Ledger, messages ...Received) {
	w.t.Helper()
	rejections, err := l.Admit(w.t.Context(), l.Prepare(messages))
	must(w.t, err)
	if len(rejections) > 0 {
		w.t.Fatalf("rejected: %+v", rejections)
	}
}

// check looks at every leaf: messages in the order of the stream, each once.
func (w *world) check(l *Ledger) {
	w.t.Helper()
	want := uint64(1)
	for index := uint64(1); index < l.Size(); index++ {
		leaf, err := l.leaf(w.t.Context(), index)
		must(w.t, err)
		if leaf.Verdict != formats.Accepted || leaf.Seq != want {
			w.t.Fatalf("leaf %d is %s of message %d: want message %d accepted", index, leaf.Verdict, leaf.Seq, want)
		}
		body, err := l.bodies.Read(index)
		must(w.t, err)
		envelope, err := events.ParseEnvelope(body)
		must(w.t, err)
		if events.DigestOf(envelope.Line1()) != leaf.Digest {
			w.t.Fatalf("the body of leaf %d is another message's", index)
		}
		want++
	}
	if want != w.seq+1 {
		w.t.Fatalf("%d messages have leaves, of %d", want-1, w.seq)
	}
	head, _ := l.admit.Head(w.recorder.Recorder)
	if head.Last != w.recorder.First-1 || head.Manifest != w.recorder.Previous {
		w.t.Fatalf("the head is at %d, %d were said", head.Last, w.recorder.First-1)
	}
}

// TestFaults has each write of a chunk fail both ways: not persisted, and
// persisted but reported as failed; then opens the ledger again and goes on from
// where its last leaf says.
func TestFaults(t *testing.T) {
	faults := []struct {
		name string
		// fail does to l what the fault does to the disk. A nil error means that
		// the process ends there.
		fail func(l *Ledger, chunk *Chunk, bodies [][]byte) error
	}{
		{"bodies not written", func(l *Ledger, chunk *Chunk, _ [][]byte) error {
			closeBodies(l)
			_, err := l.Admit(context.Background(), chunk)
			return err
		}},
		{"offsets not written", func(l *Ledger, chunk *Chunk, _ [][]byte) error {
			_, offsets := l.bodies.Files()
			offsets.Close()
			_, err := l.Admit(context.Background(), chunk)
			return err
		}},
		{"bodies written, reported failed", func(l *Ledger, _ *Chunk, bodies [][]byte) error {
			return l.bodies.Append(bodies)
		}},
		{"bodies written by half", func(l *Ledger, _ *Chunk, bodies [][]byte) error {
			last, _ := l.bodies.Files()
			if err := l.bodies.Append(bodies); err != nil {
				return err
			}
			info, err := last.Stat()
			if err != nil {
				return err
			}
			return last.Truncate(info.Size() - 10)
		}},
		{"leaves written, reported failed", func(l *Ledger, chunk *Chunk, _ [][]byte) error {
			l.state.writer.Close()
			_, err := l.Admit(context.Background(), chunk)
			return err
		}},
		{"leaves written, state not committed", func(l *Ledger, chunk *Chunk, bodies [][]byte) error {
			entries := make([][]byte, len(bodies))
			for i, m := range chunk.messages {
				verdict, err := l.admit.Judge(chunk.candidates[i], l.tree.size+uint64(i))
				if err != nil {
					return err
				}
				leaf := verdict.Leaf(l.at.epoch, m.Seq, m.Subject)
				leaf.Received = m.Time
				entries[i] = leaf.Marshal()
			}
			return errors.Join(l.bodies.Append(bodies), l.tree.add(context.Background(), entries))
		}},
	}
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			w := newWorld(t)
			l := w.open()
			w.admit(l, w.said(5)...)
			failing := w.said(7)
			bodies := make([][]byte, len(failing))
			for i, m := range failing {
				bodies[i] = m.Body
			}
			chunk := l.Prepare(failing)
			if err := fault.fail(l, chunk, bodies); err != nil && !errors.Is(err, ledger.ErrFatal) {
				t.Fatalf("%v: want an error that is fatal", err)
			}
			l.abandon()

			l = w.open()
			for i, m := range failing {
				if m.Seq == l.at.seq+1 {
					w.admit(l, failing[i:]...)
					break
				}
			}
			w.admit(l, w.said(3)...)
			w.check(l)
			must(t, l.Close(t.Context()))
			w.check(w.open())
		})
	}
}

// TestFatalIsFinal: after a fault nothing more is written.
func TestFatalIsFinal(t *testing.T) {
	w := newWorld(t)
	l := w.open()
	closeBodies(l)
	for range 2 {
		if _, err := l.Admit(t.Context(), l.Prepare(w.said(1))); !errors.Is(err, ledger.ErrFatal) {
			t.Fatalf("%v: want ledger.ErrFatal", err)
		}
	}
}

func TestOneWriter(t *testing.T) {
	w := newWorld(t)
	w.open()
	if l, err := Open(t.Context(), w.config); err == nil {
		l.abandon()
		t.Fatal("a second process could open the ledger for writing")
	}
}

func TestCreateRefusesALedger(t *testing.T) {
	w := newWorld(t)
	if err := Create(t.Context(), w.config, []byte("x")); err == nil {
		t.Fatal("a ledger was made over another")
	}
}

// TestStateAheadOfTree: a tree that is put back from an old copy has a database that knows
// more than it. It is not gone on with, and nothing is changed; the newer tree is.
func TestStateAheadOfTree(t *testing.T) {
	w := newWorld(t)
	backup := t.TempDir()
	must(t, os.CopyFS(filepath.Join(backup, "tree"), os.DirFS(filepath.Join(w.config.Dir, "tree"))))
	l := w.open()
	w.admit(l, w.said(4)...)
	must(t, l.Close(t.Context()))
	newer := filepath.Join(backup, "newer")
	must(t, os.Rename(filepath.Join(w.config.Dir, "tree"), newer))
	must(t, os.CopyFS(filepath.Join(w.config.Dir, "tree"), os.DirFS(filepath.Join(backup, "tree"))))
	if l, err := Open(t.Context(), w.config); !errors.Is(err, ledger.ErrContradicted) {
		l.abandon()
		t.Fatalf("the old tree: %v", err)
	}
	must(t, os.RemoveAll(filepath.Join(w.config.Dir, "tree")))
	must(t, os.Rename(newer, filepath.Join(w.config.Dir, "tree")))
	l = w.open()
	w.check(l)
	w.admit(l, w.said(2)...)
	w.check(l)
}

func TestMissingBodies(t *testing.T) {
	w := newWorld(t)
	segment := filepath.Join(w.config.Dir, archive.BodiesDir, "00000000000000000000.bodies")
	info, err := os.Stat(segment)
	must(t, err)
	must(t, os.Truncate(segment, info.Size()-1))
	if l, err := Open(t.Context(), w.config); err == nil {
		l.abandon()
		t.Fatal("a ledger without a body was opened")
	}
}

// closeBodies makes the next write of bodies fail.
func closeBodies(l *Ledger) {
	bodies, _ := l.bodies.Files()
	bodies.Close()
}
