package projections

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
	"github.com/saksi-ledger/saksi/schemas"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a ledger that is written to, and an operator with one recorder.
type world struct {
	testing.TB
	config    writer.Config
	ledger    *writer.Ledger
	log       *formats.Log
	authority *events.Signer
	operator  *events.Signer
	registry  events.Manifest
	recorder  events.Manifest
	seq       uint64
	now       time.Time
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, authority: newSigner(t), operator: newSigner(t), now: time.Date(2023, 7, 10, 0, 0, 0, 0, time.UTC)}
	private, public, err := note.GenerateKey(rand.Reader, "ledger.example.my/test")
	must(t, err)
	w.config = writer.Config{Dir: t.TempDir(), EventKey: newSigner(t), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }}
	w.config.LogKey, err = note.NewSigner(private)
	must(t, err)
	w.log, err = formats.NewLog(public)
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
	must(t, writer.Create(t.Context(), w.config, genesis))
	w.ledger, err = writer.Open(t.Context(), w.config)
	must(t, err)
	t.Cleanup(func() { w.ledger.Close(context.Background()) })
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	must(t, err)
	w.recorder = events.Manifest{Recorder: recorder, Incarnation: 1, First: 1}
	for _, said := range []struct {
		eventType string
		data      any
	}{
		{events.TypeOperatorAdmitted, events.OperatorAdmitted{Operator: "nimbus-my", Country: "CN", Keys: []string{w.operator.PublicKey().String()}}},
		{events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-1", Country: "MY"}},
		{events.TypeRecorderDeclared, events.RecorderDeclared{Recorder: recorder.String(), Kind: events.RecorderBastion}},
	} {
		w.admit(w.registry.Recorder, w.seal(&w.registry, w.authority, said.eventType, said.data))
	}
	return w
}

func newSigner(t testing.TB) *events.Signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	signer, err := events.NewSigner(private)
	must(t, err)
	return signer
}

func (w *world) seal(m *events.Manifest, signer *events.Signer, eventType string, data ...any) []byte {
	lines := make([][]byte, len(data))
	for i, d := range data {
		event, err := events.NewEvent(m.Recorder, eventType, fmt.Sprint("e-", m.First+uint64(i)), w.now, d, rand.Reader)
		must(w, err)
		lines[i], err = event.Marshal()
		must(w, err)
	}
	envelope, err := events.Seal(m, lines, signer)
	must(w, err)
	m.First, m.Previous = m.Last()+1, envelope.ManifestDigest()
	return envelope.Marshal()
}

// admit makes leaves of messages, a second apart.
func (w *world) admit(r events.Recorder, bodies ...[]byte) {
	w.Helper()
	for len(bodies) > 0 {
		n := min(len(bodies), writer.MaxChunk)
		messages := make([]writer.Received, n)
		for i, body := range bodies[:n] {
			w.seq++
			w.now = w.now.Add(time.Second)
			messages[i] = writer.Received{Subject: r.Subject(), Body: body, Seq: w.seq, Time: w.now}
		}
		_, err := w.ledger.Admit(w.Context(), w.ledger.Prepare(messages))
		must(w, err)
		bodies = bodies[n:]
	}
}

// say makes n leaves of the operator's: sessions that close, two in each envelope;
// every seventh envelope is one that is rejected.
func (w *world) say(n int) {
	w.Helper()
	bodies := make([][]byte, n)
	for i := range bodies {
		if i%7 == 6 {
			bodies[i] = []byte("no envelope\n")
			continue
		}
		bodies[i] = w.seal(&w.recorder, w.operator, events.TypeSessionClosed, closed(i), closed(i+1))
	}
	w.admit(w.recorder.Recorder, bodies...)
}

func closed(i int) any {
	return events.SessionClosed{
		Session: fmt.Sprint("s-", i%10), Ended: events.EndedNormal,
		Actor: events.Actor{ID: fmt.Sprint("p-", i%3), Kind: events.KindPerson, Party: events.PartyOperator, EmployerCountry: "CN", OfficeCountry: "CN", PhysicalCountry: "MY"},
	}
}

func (w *world) reader() *archive.Directory {
	w.Helper()
	d, err := archive.OpenDirectory(w.config.Dir, w.log)
	must(w, err)
	w.Cleanup(func() { d.Close() })
	return d
}

// published waits for the checkpoint of all leaves, and returns how many there are.
func (w *world) published(reader ledger.Reader) uint64 {
	w.Helper()
	size := w.ledger.Size()
	_, err := reader.Wait(w.Context(), size-1)
	must(w, err)
	return size
}

// closing is the row of the view that these tests show a ledger to.
type closing struct {
	Facility string      `col:"facility,index" json:"facility" doc:"where"`
	Operator string      `col:"operator" json:"operator"`
	Session  string      `col:"session,index" json:"session"`
	Actor    string      `col:"actor.id" json:"actor.id"`
	Party    string      `col:"actor.party,index" json:"actor.party"`
	At       time.Time   `col:"time,order" json:"time"`
	Count    int         `col:"count" json:"count"`
	Evidence events.Refs `col:"evidence" json:"evidence"`
}

// closings has a row for each closing; the view's second table has the last of each
// session, which is gone an hour after.
func closings() *View {
	all, last, count := NewTable[closing]("closings"), NewTable[closing]("last"), NewState[int]("count")
	return &View{
		Name: "closings", Version: 1, Title: "sessions that closed", Reads: []string{events.TypeSessionClosed},
		Tables: []Schema{all, last, count},
		Leaf: func(tx *Tx, f *Fact) error {
			for i := range f.Events {
				e := &f.Events[i]
				data, ok := e.Data.(*events.SessionClosed)
				if !ok {
					continue
				}
				n, _, err := count.Get(tx, data.Session)
				if err != nil {
					return err
				}
				if n == nil {
					n = new(int)
				}
				*n++
				if err := count.Put(tx, data.Session, n); err != nil {
					return err
				}
				row := &closing{
					Facility: e.Recorder.Facility, Operator: e.Recorder.Owner, Session: data.Session, Actor: data.Actor.ID,
					Party: string(data.Actor.Party), At: f.Now, Count: *n, Evidence: events.Refs{e.Ref},
				}
				if err := all.Append(tx, e.Ref.String(), row); err != nil {
					return err
				}
				if old, ok, err := last.Get(tx, data.Session); err != nil {
					return err
				} else if ok {
					row.Evidence = append(old.Evidence, e.Ref)
				}
				if err := last.Put(tx, data.Session, row); err != nil {
					return err
				}
				if err := tx.At(f.Now.Add(time.Minute), data.Session); err != nil {
					return err
				}
			}
			return nil
		},
		Due: func(tx *Tx, key string, due time.Time) error { return last.Delete(tx, key) },
	}
}

func openEngine(t testing.TB, dir string, views ...*View) *Engine {
	t.Helper()
	e, err := OpenEngine(t.Context(), sqlite.New(dir), views, Options{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

func openStore(t testing.TB, dir string, views ...*View) *Store {
	t.Helper()
	s, err := OpenStore(t.Context(), sqlite.New(dir), views)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func digestOf(t testing.TB, s *Store, view string, size uint64) events.Digest {
	t.Helper()
	d, err := s.Digest(t.Context(), view, size)
	must(t, err)
	return d
}

func viewsDir(t testing.TB) string { return filepath.Join(t.TempDir(), "views") }
