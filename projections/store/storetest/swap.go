package storetest

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/saksi-ledger/saksi/projections/store"
)

// testLocks: one holder, one build.
func testLocks(t *testing.T, h Harness) {
	b := h.New(t)
	backends := []store.Backend{b}
	if h.Open != nil {
		backends = append(backends, h.Open(b.String()))
	}
	for _, take := range []func(b store.Backend) (interface{ Close() error }, error){
		func(b store.Backend) (interface{ Close() error }, error) { return b.Acquire(t.Context(), layout()) },
		func(b store.Backend) (interface{ Close() error }, error) { return b.Build(t.Context(), layout()) },
	} {
		held, err := take(b)
		must(t, err)
		for _, other := range backends {
			if _, err := take(other); !errors.Is(err, store.ErrLocked) {
				t.Errorf("%v: want that somebody else has it", err)
			}
		}
		must(t, held.Close())
		for _, other := range backends {
			held, err := take(other)
			must(t, err)
			must(t, held.Close())
		}
	}
}

// generation builds and offers a generation of n leaves, each with a row in plain.
func generation(t testing.TB, b store.Backend, l store.Layout, n int) {
	t.Helper()
	build, err := b.Build(t.Context(), l)
	must(t, err)
	defer func() { must(t, build.Close()) }()
	batch, _ := newModel().commit(marked("built", 0, n), nil, nil)
	must(t, build.Commit(t.Context(), batch))
	if err := build.Offer(t.Context()); err == nil {
		t.Error("an unfinished generation was offered")
	}
	must(t, build.Finish(t.Context()))
	must(t, build.Offer(t.Context()))
}

// marked are leaves with one row each, all in a group.
func marked(group string, from, to int) [][]put {
	var leaves [][]put
	for i := from; i < to; i++ {
		leaves = append(leaves, []put{{plain, fmt.Sprint("row ", i), []any{group}}})
	}
	return leaves
}

// shape says of a snapshot how many leaves it has, and how many rows in which group.
func shape(t testing.TB, s store.Snapshot) string {
	t.Helper()
	groups, err := s.Groups(t.Context(), &store.Grouping{Filter: store.Filter{Table: plain, AsOf: s.Position().Size, Newest: true}, By: []store.By{{}}})
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprint(s.Position().Size)
	for _, g := range groups {
		text += fmt.Sprint(" ", g.Values[0], " ", g.Count)
	}
	return text
}

func (o *opened) wantShape(t *testing.T, want string) {
	t.Helper()
	o.read(t, func(s store.Snapshot) {
		if got := shape(t, s); got != want {
			t.Errorf("a reader has %q: want %q", got, want)
		}
	})
}

// testGenerations: one is built beside the live one, waits, and is adopted under a
// reader.
func testGenerations(t *testing.T, h Harness) {
	o := open(t, h.New(t))
	b, _ := newModel().commit(marked("live", 0, 3), nil, nil)
	must(t, o.writer.Commit(t.Context(), b))
	waits := func(want bool) {
		t.Helper()
		if got, err := o.Waiting(t.Context()); err != nil || got != want {
			t.Errorf("a generation waits: %v, %v, want %v", got, err, want)
		}
	}
	waits(false)
	if adopted, err := o.holder.Adopt(t.Context()); adopted || err != nil {
		t.Errorf("there was nothing to adopt: %v, %v", adopted, err)
	}
	generation(t, o, layout(), 7)
	generation(t, o, layout(), 5) // another takes its place
	waits(true)
	o.wantShape(t, "3 live 3")
	if h.Open != nil {
		other := &opened{Backend: h.Open(o.String())}
		other.reader = other.Reader(layout())
		defer other.close()
		if waiting, err := other.Waiting(t.Context()); err != nil || !waiting {
			t.Errorf("for another opener a generation waits: %v, %v", waiting, err)
		}
		other.wantShape(t, "3 live 3")
		defer other.wantShape(t, "5 built 5")
	}
	o.read(t, func(s store.Snapshot) {
		must(t, o.writer.Close())
		if adopted, err := o.holder.Adopt(t.Context()); !adopted || err != nil {
			t.Errorf("it was not adopted: %v, %v", adopted, err)
		}
		if got := shape(t, s); got != "3 live 3" {
			t.Errorf("a snapshot became %q when another generation was adopted", got)
		}
		o.wantShape(t, "5 built 5")
	})
	waits(false)
	var err error
	o.writer, err = o.holder.Open(t.Context())
	must(t, err)
	o.wantShape(t, "5 built 5")

	// One that nobody offers leaves nothing.
	build, err := o.Build(t.Context(), layout())
	must(t, err)
	must(t, build.Commit(t.Context(), b))
	must(t, build.Finish(t.Context()))
	must(t, build.Close())
	waits(false)
	o.wantShape(t, "5 built 5")
}

// testUnusable: a generation of another layout is removed instead of adopted.
func testUnusable(t *testing.T, h Harness) {
	o := open(t, h.New(t))
	b, _ := newModel().commit(marked("live", 0, 3), nil, nil)
	must(t, o.writer.Commit(t.Context(), b))
	other := layout()
	other.Stamp = "storetest 2"
	generation(t, o, other, 5)
	must(t, o.writer.Close())
	o.writer = nil
	if adopted, err := o.holder.Adopt(t.Context()); adopted || !errors.Is(err, store.ErrUnusable) {
		t.Errorf("one of another layout was adopted: %v, %v", adopted, err)
	}
	if waits, err := o.Waiting(t.Context()); waits || err != nil {
		t.Errorf("it waits still: %v, %v", waits, err)
	}
	o.wantShape(t, "3 live 3")
}

// testSwapping has readers read all the time while one writes, and generations are
// adopted under them.
func testSwapping(t *testing.T, h Harness) {
	const rounds, leaves = 5, 10
	o := open(t, h.New(t))
	readers := []store.Reader{o.reader, o.reader, o.Reader(layout())}
	if h.Open != nil {
		readers = append(readers, h.Open(o.String()).Reader(layout()))
	}
	b, m := newModel().commit(marked("built", 0, leaves), nil, nil)
	must(t, o.writer.Commit(t.Context(), b))
	done := make(chan struct{})
	var group sync.WaitGroup
	for i, r := range readers {
		group.Go(func() {
			for last := uint64(0); ; {
				err := r.Read(t.Context(), func(s store.Snapshot) error {
					size := s.Position().Size
					// What is built has all rows that were there.
					if got, want := shape(t, s), fmt.Sprint(size, " built ", size); got != want || size < last {
						return fmt.Errorf("reader %d has %q after %d leaves: want %q", i, got, last, want)
					}
					last = size
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range rounds {
		for range 3 {
			n := len(m.nows)
			b, m = m.commit(marked("built", n, n+leaves), nil, nil)
			must(t, o.writer.Commit(t.Context(), b))
		}
		generation(t, o, layout(), len(m.nows))
		must(t, o.writer.Close())
		if adopted, err := o.holder.Adopt(t.Context()); !adopted || err != nil {
			t.Fatalf("it was not adopted: %v, %v", adopted, err)
		}
		var err error
		o.writer, err = o.holder.Open(t.Context())
		must(t, err)
		comparePresent(t, o.writer, m)
	}
	close(done)
	group.Wait()
	for _, r := range readers[2:] {
		must(t, r.Close())
	}
}

// testOtherLayout: rows of another layout are told as such, until they are removed.
func testOtherLayout(t *testing.T, h Harness) {
	b := h.New(t)
	r := b.Reader(layout())
	err := r.Read(t.Context(), func(store.Snapshot) error { return nil })
	hinted(t, err, os.ErrNotExist)
	must(t, r.Close())
	o := open(t, b)
	batch, _ := newModel().commit(marked("live", 0, 3), nil, nil)
	must(t, o.writer.Commit(t.Context(), batch))
	must(t, o.close())
	other := layout()
	other.Stamp = "storetest 2"
	r = b.Reader(other)
	defer r.Close()
	hinted(t, r.Read(t.Context(), func(store.Snapshot) error { return nil }), store.ErrOther)
	holder, err := b.Acquire(t.Context(), other)
	must(t, err)
	defer holder.Close()
	if _, err := holder.Open(t.Context()); !errors.Is(err, store.ErrOther) {
		t.Fatalf("%v: want that the rows are of another layout", err)
	}
	must(t, holder.Remove(t.Context()))
	w, err := holder.Open(t.Context())
	must(t, err)
	comparePresent(t, w, newModel())
	must(t, w.Close())
	must(t, r.Read(t.Context(), func(s store.Snapshot) error {
		if s.Position().Size != 0 {
			t.Errorf("after it was removed it has %d leaves", s.Position().Size)
		}
		return nil
	}))
}

// testDamage: what was changed behind a backend's back is told, and is never taken for
// rows; set aside, it is made anew.
func testDamage(t *testing.T, h Harness) {
	if h.Damage == nil {
		t.Skip("nothing of it is stored where it could be damaged")
	}
	b := h.New(t)
	o := open(t, b)
	var leaf []put
	for i := range 2000 {
		leaf = append(leaf, put{plain, fmt.Sprint("row ", i), []any{"live"}})
	}
	must(t, o.writer.Commit(t.Context(), manyRows(leaf)))
	must(t, o.close())
	h.Damage(t, b.String())
	r := b.Reader(layout())
	defer r.Close()
	err := r.Read(t.Context(), func(s store.Snapshot) error {
		_, err := versions(t.Context(), s, store.Select{Filter: store.Filter{Table: plain, Newest: true, AsOf: 1}})
		return err
	})
	hinted(t, err, store.ErrDamaged)
	holder, err := b.Acquire(t.Context(), layout())
	must(t, err)
	defer holder.Close()
	w, err := holder.Open(t.Context())
	if err == nil {
		_, err = w.Position(t.Context())
		_ = w.Close() // what it says of a damaged generation doesn't matter
	}
	if !errors.Is(err, store.ErrDamaged) {
		t.Fatalf("%v: want the writer to say that it is damaged", err)
	}
	if aside, err := holder.SetAside(t.Context()); err != nil || aside == "" {
		t.Fatalf("it is set aside as %q, %v", aside, err)
	}
	w, err = holder.Open(t.Context())
	must(t, err)
	must(t, w.Commit(t.Context(), batchOf(marked("again", 0, 3))))
	must(t, w.Close())
	must(t, r.Read(t.Context(), func(s store.Snapshot) error {
		if got := shape(t, s); got != "3 again 3" {
			t.Errorf("made anew it is %q", got)
		}
		return nil
	}))
}

func batchOf(leaves [][]put) *store.Batch {
	b, _ := newModel().commit(leaves, nil, nil)
	return b
}

// testOtherProcess: another opener of the same place sees what is committed; where a
// backend isn't shared, another one sees nothing.
func testOtherProcess(t *testing.T, h Harness) {
	o := open(t, h.New(t))
	if h.Open == nil {
		must(t, o.writer.Commit(t.Context(), batchOf(marked("live", 0, 3))))
		other := h.New(t).Reader(layout())
		if err := other.Read(t.Context(), func(store.Snapshot) error { return nil }); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: want another backend to have nothing", err)
		}
		return
	}
	other := h.Open(o.String())
	reader := other.Reader(layout())
	defer reader.Close()
	var sizes []uint64
	m := newModel()
	for range 4 {
		var b *store.Batch
		b, m = m.commit(marked("live", len(m.nows), len(m.nows)+2), nil, nil)
		must(t, o.writer.Commit(t.Context(), b))
		must(t, reader.Read(t.Context(), func(s store.Snapshot) error {
			sizes = append(sizes, s.Position().Size)
			if got, want := shape(t, s), fmt.Sprintf("%d live %d", m.size(), m.size()); got != want {
				t.Errorf("another opener has %q: want %q", got, want)
			}
			return nil
		}))
	}
	if want := []uint64{2, 4, 6, 8}; !slices.Equal(sizes, want) {
		t.Errorf("it saw %v: want %v", sizes, want)
	}
}
