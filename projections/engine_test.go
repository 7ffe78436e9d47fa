package projections

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/store"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
)

// TestAsOfEqualsRebuild: a view as of any size is what a rebuild to that size gives.
func TestAsOfEqualsRebuild(t *testing.T) {
	w := newWorld(t)
	w.say(30)
	reader := w.reader()
	size := w.published(reader)
	dir := viewsDir(t)
	must(t, openEngine(t, dir, closings()).RunTo(t.Context(), reader, size))
	s := openStore(t, dir, closings())
	page, err := s.Rows(t.Context(), "closings", Query{Limit: 1000})
	must(t, err)
	if want := 26 * 2; len(page.Rows) != want { // 4 of 30 were rejected
		t.Fatalf("%d rows: want %d", len(page.Rows), want)
	}
	checkpoint, err := reader.Checkpoint(t.Context())
	must(t, err)
	if page.Size != size || page.Root != checkpoint.Root || !page.Now.Equal(w.now) {
		t.Errorf("the page is of %d leaves, root %s, at %s: want %d, %s, %s", page.Size, page.Root, page.Now, size, checkpoint.Root, w.now)
	}
	once := viewsDir(t)
	e := openEngine(t, once, closings())
	at := openStore(t, once, closings())
	for n := uint64(1); n <= size; n++ {
		must(t, e.RunTo(t.Context(), reader, n))
		if got, want := digestOf(t, s, "closings", n), digestOf(t, at, "closings", n); got != want {
			t.Fatalf("as of %d leaves the digest is %s: a view that has seen no more has %s", n, got, want)
		}
	}
}

// TestRunFollows: what is admitted while the engine runs is soon in its views.
func TestRunFollows(t *testing.T) {
	w := newWorld(t)
	reader := w.reader()
	dir := viewsDir(t)
	e := openEngine(t, dir, closings())
	s := openStore(t, dir, closings())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx, reader) }()
	for range 5 {
		w.say(3)
		must(t, e.Wait(t.Context(), w.ledger.Size()))
		p, err := s.Position(t.Context())
		must(t, err)
		if p.Size != w.ledger.Size() || p != e.Position() {
			t.Fatalf("the store is at %+v, the engine at %+v, the ledger at %d", p, e.Position(), w.ledger.Size())
		}
	}
	cancel()
	must(t, <-done)
}

// TestChain: views don't go on with leaves of another tree.
func TestChain(t *testing.T) {
	w := newWorld(t)
	w.say(20)
	reader := w.reader()
	dir := viewsDir(t)
	e := openEngine(t, dir, closings())
	must(t, e.RunTo(t.Context(), reader, w.published(reader)-5))
	must(t, e.RunTo(t.Context(), reader, w.published(reader)-3))
	must(t, e.Close())
	for name, leaves := range map[string]int{"another ledger": 40, "a shorter one": 2} {
		t.Run(name, func(t *testing.T) {
			other := newWorld(t)
			other.say(leaves)
			read := other.reader()
			other.published(read)
			err := openEngine(t, dir, closings()).Run(t.Context(), read)
			var hint interface{ Hint() string }
			if !errors.Is(err, ErrOtherLedger) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "saksi rebuild") {
				t.Fatalf("%v: want an error that the ledger is another one", err)
			}
		})
	}
	must(t, openEngine(t, dir, closings()).RunTo(t.Context(), reader, w.published(reader)))
}

// TestViewError: an error of a view stops the engine before its leaf's batch is
// committed, and says where it was.
func TestViewError(t *testing.T) {
	w := newWorld(t)
	w.say(3)
	reader := w.reader()
	v := closings()
	leaf, broken := v.Leaf, true
	v.Leaf = func(tx *Tx, f *Fact) error {
		if f.Index == 5 && broken {
			return errors.New("what a view says")
		}
		return leaf(tx, f)
	}
	w.published(reader)
	e := openEngine(t, viewsDir(t), v)
	err := e.Run(t.Context(), reader)
	if err == nil || !strings.Contains(err.Error(), "view closings: leaf 5, events 5/0 to 5/1: what a view says") {
		t.Fatalf("%v: want view, leaf, events and why", err)
	}
	broken = false
	must(t, e.RunTo(t.Context(), reader, w.ledger.Size()))
}

// TestOtherVersion: rows of another version are thrown away, and made again.
func TestOtherVersion(t *testing.T) {
	w := newWorld(t)
	w.say(5)
	reader := w.reader()
	size := w.published(reader)
	dir := viewsDir(t)
	e := openEngine(t, dir, closings())
	must(t, e.RunTo(t.Context(), reader, size))
	must(t, e.Close())
	v := closings()
	v.Version++
	if _, err := openStore(t, dir, v).Position(t.Context()); !errors.Is(err, store.ErrOther) {
		t.Fatalf("%v: want an error that the rows are of another version", err)
	}
	e = openEngine(t, dir, v)
	if got := e.Position().Size; got != 0 {
		t.Fatalf("the engine is at %d: want it to begin anew", got)
	}
	must(t, e.RunTo(t.Context(), reader, size))
}

func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, sqlite.FileName), []byte(strings.Repeat("not a database ", 1000)), 0o600))
	_, err := openStore(t, dir, closings()).Position(t.Context())
	var hint interface{ Hint() string }
	if err == nil || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "saksi rebuild") {
		t.Fatalf("%v: want a hint to rebuild", err)
	}
	w := newWorld(t)
	reader := w.reader()
	w.published(reader)
	r, err := Rebuild(t.Context(), reader, sqlite.New(dir), []*View{closings()}, RebuildOptions{Compare: true, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	if !r.Swapped || r.Incomparable == nil || r.Equal() {
		t.Fatalf("%+v: want it swapped, and not compared", r)
	}
	if got := openEngine(t, dir, closings()).Position().Size; got != w.ledger.Size() {
		t.Fatalf("after the rebuild the views are at %d: want %d", got, w.ledger.Size())
	}
}

// TestDamagedIsMadeAnew: an engine that comes upon a damaged database, opening it or
// at work, sets it aside and makes it again.
func TestDamagedIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.say(40)
	reader := w.reader()
	size := w.published(reader)
	dir := viewsDir(t)
	quiet := Options{Log: slog.New(slog.DiscardHandler)}
	e, err := OpenEngine(t.Context(), sqlite.New(dir), []*View{closings()}, quiet)
	must(t, err)
	must(t, e.RunTo(t.Context(), reader, size))
	must(t, e.Close())
	// A store that stays open would keep what is damaged in its write-ahead log.
	digest := func(dir string, size uint64) events.Digest {
		s := openStore(t, dir, closings())
		defer s.Close()
		return digestOf(t, s, "closings", size)
	}
	want := digest(dir, size)
	for name, damage := range map[string]func(b []byte){
		"head":  func(b []byte) { copy(b, make([]byte, 100)) },
		"pages": func(b []byte) { copy(b[4096:], bytes.Repeat([]byte{0xa5}, len(b)-4096)) },
	} {
		must(t, os.RemoveAll(filepath.Join(dir, sqlite.DamagedName)))
		overwrite(t, filepath.Join(dir, sqlite.FileName), damage)
		e, err = OpenEngine(t.Context(), sqlite.New(dir), []*View{closings()}, quiet)
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		ran := make(chan error, 1)
		go func() { ran <- e.Run(ctx, reader) }()
		if err := e.Wait(ctx, size); err != nil {
			t.Fatalf("%s damaged: the views did not come back: %v", name, <-ran)
		}
		if got := digest(dir, size); got != want {
			t.Errorf("%s damaged: made anew, the view has another digest", name)
		}
		if _, err := os.Stat(filepath.Join(dir, sqlite.DamagedName)); err != nil {
			t.Errorf("%s damaged: the damaged one is not kept: %v", name, err)
		}

		// The same while the engine is at work.
		overwrite(t, filepath.Join(dir, sqlite.FileName), damage)
		w.say(3)
		more := w.published(reader)
		if err := e.Wait(ctx, more); err != nil {
			t.Fatalf("%s damaged while running: the views did not go on: %v", name, <-ran)
		}
		fresh := viewsDir(t)
		must(t, openEngine(t, fresh, closings()).RunTo(ctx, reader, more))
		if got := digest(dir, more); got != digest(fresh, more) {
			t.Errorf("%s damaged while running: the view is not what the leaves give", name)
		}
		cancel()
		must(t, <-ran)
		must(t, e.Close())
	}
}

func overwrite(t *testing.T, path string, damage func([]byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	damage(b)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(b, 0)
	must(t, errors.Join(err, f.Close()))
}

// TestStandsStillUntilRebuilt: an engine whose view failed takes a rebuilt copy over,
// and goes on.
func TestStandsStillUntilRebuilt(t *testing.T) {
	w := newWorld(t)
	w.say(3)
	reader := w.reader()
	var broken atomic.Bool
	v := closings()
	leaf := v.Leaf
	v.Leaf = func(tx *Tx, f *Fact) error {
		if f.Index == 5 && broken.Load() {
			return errors.New("what a view says")
		}
		return leaf(tx, f)
	}
	size := w.published(reader)
	dir := viewsDir(t)
	e := openEngine(t, dir, v)
	broken.Store(true)
	if err := e.Run(t.Context(), reader); err == nil {
		t.Fatal("a view failed, and the engine ran on")
	}
	broken.Store(false)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- errors.Join(e.AwaitRebuilt(ctx), e.Run(ctx, reader)) }()
	r, err := Rebuild(ctx, reader, sqlite.New(dir), []*View{v}, RebuildOptions{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	if !r.Swapped {
		t.Fatalf("%+v: want it swapped", r)
	}
	must(t, e.Wait(ctx, size))
	w.say(1)
	must(t, e.Wait(ctx, w.published(reader)))
	cancel()
	must(t, <-ran)
}

func TestOneEngine(t *testing.T) {
	dir := viewsDir(t)
	openEngine(t, dir, closings())
	if _, err := OpenEngine(t.Context(), sqlite.New(dir), []*View{closings()}, Options{}); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("%v: want the second engine to be refused", err)
	}
}

// TestRebuildWhileRunning has readers ask all the time while an engine writes and its
// database is replaced under it.
func TestRebuildWhileRunning(t *testing.T) {
	w := newWorld(t)
	w.say(40)
	reader := w.reader()
	first := w.published(reader)
	dir := viewsDir(t)
	e := openEngine(t, dir, closings())
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- e.Run(ctx, reader) }()
	must(t, e.Wait(ctx, first))
	s := openStore(t, dir, closings())
	want := digestOf(t, s, "closings", first)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			seen := uint64(0)
			for ctx.Err() == nil {
				page, err := s.Rows(ctx, "closings", Query{Limit: 10, Count: true})
				if err != nil {
					if ctx.Err() == nil {
						t.Errorf("while it was rebuilt: %v", err)
					}
					return
				}
				if page.Size < first || page.Total == nil {
					t.Errorf("a page of %d leaves after one of %d", page.Size, seen)
					return
				}
				seen = page.Size
				if d, err := s.Digest(ctx, "closings", first); ctx.Err() == nil && (err != nil || d != want) {
					t.Errorf("as of %d leaves the digest is %s, %v: want %s", first, d, err, want)
					return
				}
			}
		})
	}
	for range 3 {
		w.say(5)
		var last uint64
		r, err := Rebuild(ctx, reader, sqlite.New(dir), []*View{closings()}, RebuildOptions{
			Compare: true, Log: slog.New(slog.DiscardHandler), Progress: func(done, total uint64) { last = done },
		})
		must(t, err)
		if !r.Swapped || !r.Equal() || last != r.Position.Size || r.Compared == 0 {
			t.Fatalf("%+v, progress %d: want it equal and swapped", r, last)
		}
	}
	must(t, e.Wait(ctx, w.ledger.Size()))
	cancel()
	group.Wait()
	must(t, <-ran)
	if left, _ := filepath.Glob(filepath.Join(dir, "views.*.db*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if got := digestOf(t, s, "closings", first); got != want {
		t.Errorf("the digest as of %d is %s: want %s", first, got, want)
	}
}

// changeAt returns the number of a table's nth change, from 0.
func changeAt(t *testing.T, e *Engine, n int) uint64 {
	t.Helper()
	s, err := OpenStore(t.Context(), e.backend, e.catalog.views)
	must(t, err)
	defer s.Close()
	changes, err := s.Changes(t.Context(), e.catalog.views[0].Name, 0, n+1)
	must(t, err)
	return changes[n].Number
}

// TestCompareFindsDifference: a row changed in the live copy shows.
func TestCompareFindsDifference(t *testing.T) {
	w := newWorld(t)
	w.say(5)
	reader := w.reader()
	dir := viewsDir(t)
	e := openEngine(t, dir, closings())
	must(t, e.RunTo(t.Context(), reader, w.published(reader)))
	forged := e.catalog.layout.Tables[0]
	b := &store.Batch{Position: mustPosition(t, e), Tables: make([]store.Versions, 2)}
	b.Tables[0].Ends = []store.End{{Change: changeAt(t, e, 2), Leaf: 5}}
	must(t, e.db.Commit(t.Context(), b))
	must(t, e.Close())
	r, err := Rebuild(t.Context(), reader, sqlite.New(dir), []*View{closings()}, RebuildOptions{Compare: true, Keep: true})
	must(t, err)
	if r.Equal() || r.Swapped || len(r.Views) != 1 {
		t.Fatalf("%+v: want %s to differ", r, forged.Name)
	}
}

func mustPosition(t *testing.T, e *Engine) store.Position {
	p, err := e.db.Position(t.Context())
	must(t, err)
	return p
}

// faulty is a Writer whose commits fail when they are told to.
type faulty struct {
	store.Writer
	fail func(ctx context.Context, b *store.Batch) error
}

func (f *faulty) Commit(ctx context.Context, b *store.Batch) error { return f.fail(ctx, b) }

// TestFaults has commits fail both ways: persisted but reported as failed, and not
// persisted.
func TestFaults(t *testing.T) {
	w := newWorld(t)
	w.say(30)
	reader := w.reader()
	size := w.published(reader)
	whole := viewsDir(t)
	must(t, openEngine(t, whole, closings()).RunTo(t.Context(), reader, size))
	want := digestOf(t, openStore(t, whole, closings()), "closings", size)
	for _, persisted := range []bool{true, false} {
		t.Run(fmt.Sprint("persisted=", persisted), func(t *testing.T) {
			dir := viewsDir(t)
			e := openEngine(t, dir, closings())
			good, n := e.db, 0
			e.db = &faulty{good, func(ctx context.Context, b *store.Batch) error {
				if n++; n%2 == 1 {
					if persisted {
						must(t, good.Commit(ctx, b))
					}
					return errors.New("the disk said no")
				}
				return good.Commit(ctx, b)
			}}
			for to := uint64(5); to < size; to += 5 {
				must(t, e.RunTo(t.Context(), reader, to))
			}
			must(t, e.RunTo(t.Context(), reader, size))
			if got := digestOf(t, openStore(t, dir, closings()), "closings", size); got != want {
				t.Errorf("the digest is %s: want %s", got, want)
			}
			if n < 4 {
				t.Errorf("%d commits: want some that failed", n)
			}
		})
	}
	t.Run("for good", func(t *testing.T) {
		e := openEngine(t, viewsDir(t), closings())
		e.retried = mostRetries
		e.db = &faulty{e.db, func(context.Context, *store.Batch) error { return errors.New("the disk said no") }}
		if err := e.Run(t.Context(), reader); err == nil || !strings.Contains(err.Error(), "the disk said no") {
			t.Fatalf("%v: want the disk's error", err)
		}
	})
}

func TestRowJSON(t *testing.T) {
	b, err := json.Marshal(Row{Key: "12/3", From: 12, Value: &closing{Facility: "lab-1", Evidence: events.Refs{{Leaf: 12, Event: 3}}, At: time.Unix(0, 0).UTC()}})
	must(t, err)
	const want = `{"key":"12/3","from_leaf":12,"facility":"lab-1","operator":"","session":"","actor.id":"","actor.party":"","time":"1970-01-01T00:00:00Z","count":0,"evidence":["12/3"]}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

// TestNextDue: the first timer, as it was committed, also after opening again.
func TestNextDue(t *testing.T) {
	dir := viewsDir(t)
	script := [][]step{
		{{op: "at", key: "late", due: time.Hour}, {op: "at", key: "soon", due: 5 * time.Minute}},
		{{op: "at", key: "soon", due: 10 * time.Minute}},
		{{op: "cancel", key: "soon"}},
		{{op: "cancel", key: "late"}},
	}
	facts := scriptFacts(script)
	for i, want := range []time.Time{beginning.Add(5 * time.Minute), beginning.Add(14 * time.Minute), beginning.Add(time.Hour), {}} {
		e := openEngine(t, dir, scripted(script))
		must(t, e.Apply(t.Context(), facts[i:i+1]))
		if got := e.NextDue(); !got.Equal(want) {
			t.Errorf("after leaf %d the next is due %s: want %s", i, got, want)
		}
		must(t, e.Close())
		e = openEngine(t, dir, scripted(script))
		if got := e.NextDue(); !got.Equal(want) {
			t.Errorf("after leaf %d, opened again, the next is due %s: want %s", i, got, want)
		}
		must(t, e.Close())
	}
}
