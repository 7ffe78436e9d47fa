package client

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox.db")
	o := openOutbox(t, path, Options{})
	_, err := Open(testContext(t), path, Options{})
	var h interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) || !errors.As(err, &h) {
		t.Fatalf("opened twice: %v", err)
	}
	for _, p := range []string{path, path + "-wal", path + ".lock"} {
		if fi, err := os.Stat(p); err != nil || fi.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v, %v", p, fi.Mode(), err)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	openOutbox(t, path, Options{})
}

func TestOpenSomethingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE precious(x)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(testContext(t), path, Options{}); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Fatalf("opened: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testContext(t), text, Options{}); err == nil {
		t.Fatal("opened a text")
	}
}

// offline is what Add needs, without a broker.
func offline(t testing.TB) *world {
	return &world{t: t, signer: testSigner(t), recorder: mustRecorder(t, "nimbus-my/lab-1/bastion-1")}
}

func TestPacking(t *testing.T) {
	w := offline(t)
	o := w.outbox(Options{MaxBytes: 20_000})
	big := func(id string, size int) events.Draft {
		d := drafts(t, w.recorder, id, 0, 1)[0]
		d.Event.Data = []byte(`{"x":"` + strings.Repeat("x", size) + `"}`)
		return d
	}
	var list []events.Draft
	list = append(list, drafts(t, w.recorder, "a", 0, 200)...)
	list = append(list, big("big", 100_000), big("bigger", 250_000))
	list = append(list, drafts(t, w.recorder, "b", 0, 3)...)
	list = append(list, drafts(t, w.recorder, "a", 5, 1)...) // known within the same call
	a, err := o.Add(testContext(t), w.recorder, list, w.signer)
	if err != nil || a.Events != 205 || a.Known != 1 || a.Last != 205 {
		t.Fatalf("added %+v, %v", a, err)
	}
	rows, err := o.db.Query("SELECT e.first, e.count, e.size, e.manifest, e.line1, e.whole, b.body FROM envelope e JOIN body b ON b.envelope = e.id ORDER BY e.id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	next, previous, large := uint64(1), events.Digest{}, 0
	for rows.Next() {
		var first, count uint64
		var size int
		var manifest, line1, whole, body []byte
		if err := rows.Scan(&first, &count, &size, &manifest, &line1, &whole, &body); err != nil {
			t.Fatal(err)
		}
		e, err := events.ParseEnvelope(body)
		if err != nil {
			t.Fatal(err)
		}
		m := e.Manifest
		md, ld, wd := e.ManifestDigest(), events.DigestOf(e.Line1()), events.DigestOf(body)
		if m.First != next || first != next || m.Previous != previous || uint64(len(e.Lines)) != count || size != len(body) ||
			!bytes.Equal(md[:], manifest) || !bytes.Equal(ld[:], line1) || !bytes.Equal(wd[:], whole) || m.Incarnation != 1 {
			t.Fatalf("envelope %+v from %d, %d", m, next, size)
		}
		if err := e.CheckDigests(); err != nil {
			t.Fatal(err)
		}
		if !w.signer.PublicKey().Verify(e.SignedBytes(), e.Signatures[0].Sig) {
			t.Fatal("bad signature")
		}
		if size > 20_000 {
			if large++; count != 1 {
				t.Fatalf("%d events in %d bytes", count, size)
			}
		}
		next, previous = m.Last()+1, md
	}
	if next != 206 || large != 2 {
		t.Fatalf("next %d, %d large ones", next, large)
	}

	// One that fits nowhere: nothing of the call is stored.
	list = append(drafts(t, w.recorder, "c", 0, 100), big("monster", events.MaxEnvelope))
	_, err = o.Add(testContext(t), w.recorder, list, w.signer)
	var h interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "monster-0") || !errors.As(err, &h) {
		t.Fatalf("added a monster: %v", err)
	}
	if s := status(t, o).Recorders[0]; s.Next != 206 || s.Pending.Events != 205 {
		t.Fatalf("status %+v", s)
	}
}

// A bound that were too low would make Seal fail for what was promised to fit.
func TestSealedSizeIsABound(t *testing.T) {
	w := offline(t)
	for _, name := range []string{"a/b/c", strings.Repeat("o", 40) + "/" + strings.Repeat("f", 40) + "/" + strings.Repeat("r", 40)} {
		r := mustRecorder(t, name)
		for _, n := range []int{1, 2, 128, 1000} {
			m := &events.Manifest{Recorder: r, Incarnation: events.MaxSequence, First: events.MaxSequence - 1000, Previous: events.Digest{1}}
			lines := make([][]byte, n)
			for i := range lines {
				lines[i] = []byte("{}")
			}
			e, err := events.Seal(m, lines, w.signer)
			if err != nil {
				t.Fatal(err)
			}
			if bound := sealedSize(r, n, 3*n, 1); bound < e.Size() || bound > e.Size()+500 {
				t.Errorf("%d events of %s: %d bytes, bound %d", n, r, e.Size(), bound)
			}
		}
	}
}

func TestAddRefuses(t *testing.T) {
	w := offline(t)
	o := w.outbox(Options{})
	good := drafts(t, w.recorder, "a", 0, 1)
	other := drafts(t, mustRecorder(t, "nimbus-my/lab-1/other"), "a", 0, 1)
	nameless := drafts(t, w.recorder, "a", 0, 1)
	nameless[0].Event.ID = ""
	for name, add := range map[string]func() error{
		"another source": func() error { _, err := o.Add(testContext(t), w.recorder, other, w.signer); return err },
		"no id":          func() error { _, err := o.Add(testContext(t), w.recorder, nameless, w.signer); return err },
		"no event":       func() error { _, err := o.Add(testContext(t), w.recorder, []events.Draft{{}}, w.signer); return err },
		"no signer":      func() error { _, err := o.Add(testContext(t), w.recorder, good); return err },
		"no recorder":    func() error { _, err := o.Add(testContext(t), events.Recorder{}, good, w.signer); return err },
		"the ledger":     func() error { _, err := o.Add(testContext(t), events.LedgerRecorder, good, w.signer); return err },
	} {
		if add() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if s := status(t, o); len(s.Recorders) != 0 {
		t.Errorf("status %+v", s)
	}
}

func TestPseudonyms(t *testing.T) {
	w := offline(t)
	path := filepath.Join(t.TempDir(), "outbox.db")
	o := openOutbox(t, path, Options{})
	ctx := testContext(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]string{}
	for worker := range 4 {
		wg.Go(func() {
			for i := range 50 {
				who := fmt.Sprintf("user-%d", i)
				id, err := o.Pseudonym(ctx, who)
				if err != nil || len(id) != 24 || !strings.HasPrefix(id, "p-") {
					t.Errorf("pseudonym %q, %v", id, err)
				}
				mu.Lock()
				if before, ok := got[who]; ok && before != id {
					t.Errorf("%s is %s and %s", who, before, id)
				}
				got[who] = id
				mu.Unlock()
				if i%10 == 0 {
					if _, err := o.Add(ctx, w.recorder, drafts(t, w.recorder, fmt.Sprint(worker), i, 10), w.signer); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if who, ok, err := o.Principal(ctx, got["user-7"]); err != nil || !ok || who != "user-7" {
		t.Fatalf("principal %q, %v, %v", who, ok, err)
	}
	if ok, err := o.ErasePrincipal(ctx, "user-7"); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, ok, err := o.Principal(ctx, got["user-7"]); err != nil || ok {
		t.Fatal("still known", err)
	}
	fresh, err := o.Pseudonym(ctx, "user-7")
	if err != nil || fresh == got["user-7"] {
		t.Fatalf("the same pseudonym again: %s, %v", fresh, err)
	}
	if _, err := o.Pseudonym(ctx, "never-used"); err != nil {
		t.Fatal(err)
	}
	if ok, err := o.ErasePrincipal(ctx, "never-used"); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	// Gone from the file, too.
	for _, p := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(p)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(got["user-7"])) || bytes.Contains(b, []byte("never-used")) {
			t.Errorf("%s still holds an erased pseudonym", p)
		}
	}
	o = openOutbox(t, path, Options{})
	for who, id := range got {
		if who == "user-7" {
			id = fresh
		}
		if again, err := o.Pseudonym(ctx, who); err != nil || again != id {
			t.Fatalf("%s was %s and is %s: %v", who, id, again, err)
		}
	}
}

func TestDisclosures(t *testing.T) {
	w := offline(t)
	o := w.outbox(Options{})
	list := drafts(t, w.recorder, "a", 0, 3)
	if _, err := o.Add(testContext(t), w.recorder, list, w.signer); err != nil {
		t.Fatal(err)
	}
	want := list[1].Disclosures[0]
	d, ok, err := o.Disclosure(testContext(t), want.Digest())
	if err != nil || !ok || d.Disclosure != want || d.Event != "a-1" || d.Recorder != w.recorder {
		t.Fatalf("disclosure %+v, %v, %v", d, ok, err)
	}
	all, err := o.Disclosures(testContext(t), w.recorder, "a-1")
	if err != nil || len(all) != 1 || all[0] != d {
		t.Fatalf("disclosures %+v, %v", all, err)
	}
	if n, err := o.EraseDisclosures(testContext(t), w.recorder, "a-1"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if _, ok, err := o.Disclosure(testContext(t), want.Digest()); err != nil || ok {
		t.Fatal(ok, err)
	}
	if s := status(t, o).Recorders[0]; s.Disclosures != 2 {
		t.Fatalf("status %+v", s)
	}
}

var errFault = errors.New("injected fault")

// commitFaults fail the next commit: nothing was stored, or all of it was.
var commitFaults = map[string]func(*sql.Tx) error{
	"not persisted": func(tx *sql.Tx) error { return errors.Join(tx.Rollback(), errFault) },
	"persisted":     func(tx *sql.Tx) error { return errors.Join(tx.Commit(), errFault) },
}

// failNth makes the nth commit from now on fail in the given way.
func (o *Outbox) failNth(n int, how func(*sql.Tx) error) (failed *bool) {
	failed = new(bool)
	o.commit = func(tx *sql.Tx) error {
		if n--; n == 0 {
			*failed = true
			return how(tx)
		}
		return tx.Commit()
	}
	return failed
}

// Each write fails twice, after and before it took effect, and doing it again
// leads to where it would have led at once.
func TestCommitFaults(t *testing.T) {
	for name, fault := range commitFaults {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c, rec := w.client(), w.recorder
			ctx := testContext(t)
			o := w.outbox(Options{MaxEvents: 5})

			who, err := o.Pseudonym(ctx, "somebody")
			if err != nil {
				t.Fatal(err)
			}
			list := drafts(t, rec, "a", 0, 23)
			o.failNth(1, fault)
			if _, err := o.Add(ctx, rec, list, w.signer); !errors.Is(err, errFault) {
				t.Fatalf("add: %v", err)
			}
			a, err := o.Add(ctx, rec, list, w.signer)
			if err != nil || a.Events+a.Known != 23 || (a.Known == 23) != (name == "persisted") {
				t.Fatalf("added %+v, %v", a, err)
			}
			if again, err := o.Pseudonym(ctx, "somebody"); err != nil || again != who {
				t.Fatalf("pseudonym %s, then %s: %v", who, again, err)
			}
			if s := status(t, o).Recorders[0]; s.Next != 24 || s.Pending.Events != 23 || s.Disclosures != 23 {
				t.Fatalf("status %+v", s)
			}

			// Every commit of a flush: binding, the heads, receipts.
			for i := 1; ; i++ {
				failed := o.failNth(i, fault)
				_, err := c.Flush(ctx, o, FlushOptions{})
				if !*failed {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
				if !errors.Is(err, errFault) {
					t.Fatalf("flush with commit %d failing: %v", i, err)
				}
			}
			o.commit = (*sql.Tx).Commit
			w.checkReceipts(o, 5)
			w.checkLedger(rec, 23)

			// Rejection, and its two ends.
			w.ledger.set(func() {
				w.ledger.reject = func(e *events.Envelope) string {
					if e.Manifest.Recorder == rec && e.Manifest.First >= 24 {
						return "schema"
					}
					return ""
				}
			})
			w.add(o, rec, "b", 0, 10)
			w.flush(c, o)
			r := status(t, o).Recorders[0].Rejected
			if len(r) != 2 {
				t.Fatalf("rejected %+v", r)
			}
			o.failNth(1, fault)
			if _, err := o.Forget(ctx, r[0].Manifest); !errors.Is(err, errFault) {
				t.Fatal(err)
			}
			if _, err := o.Forget(ctx, r[0].Manifest); (err == nil) != (name == "not persisted") {
				t.Fatal(err)
			}
			o.failNth(1, fault)
			if _, err := o.Requeue(ctx); !errors.Is(err, errFault) {
				t.Fatal(err)
			}
			if _, err := o.Requeue(ctx); err != nil {
				t.Fatal(err)
			}
			if s := status(t, o).Recorders[0]; s.Pending.Envelopes != 1 || s.RejectedCount != 0 {
				t.Fatalf("status %+v", s)
			}
			w.ledger.set(func() { w.ledger.reject = nil })
			w.flush(c, o)
			w.checkReceipts(o, 7)

			// A lost outbox, and its new one.
			o2 := w.outbox(Options{})
			if err := o2.bind(ctx, w.ledger.log); err != nil {
				t.Fatal(err)
			}
			o2.failNth(1, fault)
			if err := c.Prepare(ctx, o2, rec); !errors.Is(err, errFault) {
				t.Fatal(err)
			}
			if err := c.Prepare(ctx, o2, rec); err != nil {
				t.Fatal(err)
			}
			if a := w.add(o2, rec, "c", 0, 1); a.Incarnation != 2 || a.First != 1 {
				t.Fatalf("added %+v", a)
			}
			w.flush(c, o2)
		})
	}
}

// A disk that is really full: SQLite fails somewhere inside, and goes on when
// there is room.
func TestDiskFull(t *testing.T) {
	w := newWorld(t)
	o, c := w.outbox(Options{MaxEvents: 10}), w.client()
	w.add(o, w.recorder, "a", 0, 50)
	var pages int
	if err := o.db.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := o.db.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+20)); err != nil {
		t.Fatal(err)
	}
	list := drafts(t, w.recorder, "b", 0, 2000)
	if _, err := o.Add(testContext(t), w.recorder, list, w.signer); err == nil {
		t.Fatal("2000 events found room in 20 pages")
	}
	if s := status(t, o).Recorders[0]; s.Next != 51 || s.Pending.Events != 50 {
		t.Fatalf("status %+v", s)
	}
	if _, err := o.db.Exec("PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if a, err := o.Add(testContext(t), w.recorder, list, w.signer); err != nil || a.Events != 2000 {
		t.Fatalf("added %+v, %v", a, err)
	}
	w.flush(c, o)
	w.checkReceipts(o, 205)
	w.checkLedger(w.recorder, 2050)
}

func TestAddEndsWithItsContext(t *testing.T) {
	w := offline(t)
	o := w.outbox(Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := o.Add(ctx, w.recorder, drafts(t, w.recorder, "a", 0, 10), w.signer); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if a := w.add(o, w.recorder, "a", 0, 10); a.Events != 10 {
		t.Fatalf("added %+v", a)
	}
}

func TestAnotherLedger(t *testing.T) {
	w := newWorld(t)
	o, c := w.outbox(Options{}), w.client()
	w.flush(c, o)
	_, vkey := newLogKey(t)
	other, err := formats.NewLog(vkey)
	if err != nil {
		t.Fatal(err)
	}
	config := w.config()
	config.Log = other
	c2, err := Dial(testContext(t), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c2.Close()
	if _, err := c2.Flush(testContext(t), o, FlushOptions{}); err == nil || !strings.Contains(err.Error(), "belongs to the ledger") {
		t.Fatal(err)
	}
}

func TestRegistryParty(t *testing.T) {
	w := newWorld(t)
	registry := events.RegistryRecorder("mcmc")
	o := w.outbox(Options{})
	w.add(o, registry, "genesis", 0, 3)
	w.add(o, w.recorder, "a", 0, 3) // of another party: left alone
	config := w.config()
	config.Party = registry.Party()
	c, err := Dial(testContext(t), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Prepare(testContext(t), o, registry); err != nil {
		t.Fatal(err)
	}
	if err := c.Prepare(testContext(t), o, w.recorder); err == nil {
		t.Fatal("prepared for another party")
	}
	if r := w.flush(c, o); r.Envelopes != 1 || r.Events != 3 {
		t.Fatalf("flush %+v", r)
	}
	w.checkLedger(registry, 3)
	if s := status(t, o); s.Recorders[0].Pending.Events != 3 || s.Recorders[1].Receipts.Events != 3 {
		t.Fatalf("status %+v", s)
	}
}
