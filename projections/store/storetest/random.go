package storetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // zones, wherever the tests run

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/projections/store"
)

// texts may be anything that is UTF-8.
var texts = []string{"", "a", "A", "ab", "é", "É", "lab-1", "lab-1/x", "x", "%", "_", "'", "<&>", "\x00", "a\x00b", "\u2028", "😀"}

var keyTexts = []string{"", "k1", "k2", "K1", "ké", "k\x00", "k'"}

// times are at and around where days begin somewhere.
func times() []time.Time {
	list := []time.Time{{}, time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)}
	for _, t := range []time.Time{
		time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC), // midnight in Kuala Lumpur, and another month
		time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC),  // midnight in Berlin, on the last Sunday of March
		time.Date(2026, 10, 25, 23, 0, 0, 0, time.UTC), // midnight in Berlin, after the last Sunday of October
		time.Date(2006, 10, 29, 2, 31, 0, 0, time.UTC), // a minute past midnight in St. John's, which becomes the day before
		time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 22, 18, 15, 0, 0, time.UTC), // midnight in Kathmandu
	} {
		list = append(list, t, t.Add(-1), t.Add(59*time.Second), t.Add(90*time.Minute))
	}
	return list
}

var zones = sync.OnceValue(func() []*time.Location {
	list := []*time.Location{nil, time.UTC, time.FixedZone("", 20700)}
	for _, name := range []string{"Asia/Kuala_Lumpur", "Europe/Berlin", "America/St_Johns"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			panic(err) // tzdata is linked
		}
		list = append(list, zone)
	}
	return list
})

func drawThing(t *rapid.T) []any {
	return thing(rapid.SampledFrom(texts).Draw(t, "name"), rapid.SampledFrom([]int64{-1 << 63, -2, 0, 1, 2, 1<<63 - 1}).Draw(t, "number"),
		rapid.SampledFrom([]float64{-1e300, -0.5, 0, 1, 1.5}).Draw(t, "share"), rapid.SampledFrom(times()).Draw(t, "at"),
		rapid.SliceOfN(rapid.SampledFrom(texts), 0, 3).Draw(t, "tags"), rapid.SampledFrom(texts).Draw(t, "place"))
}

// drawLeaves draws what some leaves do.
func drawLeaves(t *rapid.T) [][]put {
	leaves := make([][]put, rapid.IntRange(1, 4).Draw(t, "leaves"))
	for i := range leaves {
		for range rapid.IntRange(0, 5).Draw(t, "puts") {
			p := put{table: rapid.IntRange(0, 1).Draw(t, "table"), key: rapid.SampledFrom(keyTexts).Draw(t, "key")}
			if slices.ContainsFunc(leaves[i], func(o put) bool { return o.table == p.table && o.key == p.key }) {
				continue // a key changes once in a leaf
			}
			switch {
			case rapid.IntRange(0, 3).Draw(t, "delete") == 0:
			case p.table == things:
				p.values = drawThing(t)
			default:
				p.values = []any{rapid.SampledFrom(texts).Draw(t, "group")}
			}
			leaves[i] = append(leaves[i], p)
		}
	}
	return leaves
}

func drawBatch(t *rapid.T, m *model) (*store.Batch, *model) {
	states := make([][]store.Value, 2)
	for i := range states {
		for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(keyTexts), 0, 3, rapid.ID).Draw(t, "states") {
			v := store.Value{Key: key}
			if rapid.Bool().Draw(t, "kept") {
				v.JSON = fmt.Appendf(nil, `{"n":%d}`, rapid.IntRange(0, 9).Draw(t, "n"))
			}
			states[i] = append(states[i], v)
		}
	}
	var timers []store.Timer
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(keyTexts), 0, 3, rapid.ID).Draw(t, "timers") {
		timer := store.Timer{View: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "view"), Key: key}
		if rapid.Bool().Draw(t, "set") {
			timer.Due = rapid.SampledFrom(times()).Draw(t, "due")
		}
		timers = append(timers, timer)
	}
	return m.commit(drawLeaves(t), states, timers)
}

func drawFilter(t *rapid.T, m *model) store.Filter {
	f := store.Filter{Table: rapid.SampledFrom([]int{things, things, things, plain}).Draw(t, "table"), AsOf: rapid.Uint64Range(0, m.size()).Draw(t, "as of")}
	if rapid.Bool().Draw(t, "newest") {
		f.AsOf, f.Newest = m.size(), true
	}
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		f.Where = append(f.Where, drawWhere(t, f.Table, m.size()))
	}
	if f.Table == things && rapid.IntRange(0, 3).Draw(t, "within") == 0 {
		a := store.Among{Columns: []int{place}, Values: rapid.SliceOfN(rapid.SampledFrom(texts), 0, 4).Draw(t, "values")}
		if rapid.Bool().Draw(t, "two") {
			a.Columns = []int{name, place}
			for i := range a.Values {
				a.Values[i] = rapid.SampledFrom(texts).Draw(t, "first") + "/" + a.Values[i]
			}
		}
		f.Within = append(f.Within, a)
	}
	return f
}

func drawWhere(t *rapid.T, table int, size uint64) store.Where {
	ordered := []store.Op{store.Equal, store.NotEqual, store.Less, store.LessOrEqual, store.More, store.MoreOrEqual}
	w := store.Where{Op: rapid.SampledFrom(append(ordered, store.Contains)).Draw(t, "op"), Value: rapid.SampledFrom(texts).Draw(t, "value")}
	if table == plain {
		w.Column = rapid.SampledFrom([]int{0, store.KeyColumn}).Draw(t, "column")
	} else {
		w.Column = rapid.SampledFrom([]int{name, number, share, at, tags, place, store.KeyColumn, store.FromColumn}).Draw(t, "column")
	}
	values := drawThing(t)
	switch {
	case w.Column == store.KeyColumn:
		w.Value = rapid.SampledFrom(keyTexts).Draw(t, "key")
	case w.Column == store.FromColumn:
		w.Value, w.Op = int64(rapid.Uint64Range(0, size).Draw(t, "from")), rapid.SampledFrom(ordered).Draw(t, "op")
	case table == plain:
	case w.Column == tags:
		w.Op = rapid.SampledFrom([]store.Op{store.Equal, store.NotEqual, store.Contains}).Draw(t, "op")
	case w.Column == number, w.Column == share, w.Column == at:
		w.Value, w.Op = values[w.Column], rapid.SampledFrom(ordered).Draw(t, "op")
	}
	w.NotEmpty = table == things && w.Column == at && w.Value != ""
	return w
}

func drawGrouping(t *rapid.T, m *model) store.Grouping {
	g := store.Grouping{Filter: drawFilter(t, m)}
	for range rapid.IntRange(0, 3).Draw(t, "by") {
		if g.Table == plain {
			g.By = append(g.By, store.By{})
			continue
		}
		by := store.By{Column: rapid.IntRange(0, 5).Draw(t, "column")}
		if by.Column == at {
			by.Bucket = store.Bucket{Unit: rapid.SampledFrom([]store.Unit{"", store.Day, store.Week, store.Month}).Draw(t, "unit"), Zone: rapid.SampledFrom(zones()).Draw(t, "zone")}
		}
		g.By = append(g.By, by)
	}
	return g
}

// testModel does operations in any order, and compares all that can be asked with the
// model after each.
func testModel(t *testing.T, h Harness) {
	rapid.Check(t, func(r *rapid.T) {
		ctx := context.Background()
		b := h.New(t)
		o := &opened{Backend: b, reader: b.Reader(layout())}
		defer func() { check(r, o.close()) }()
		reopen := func() {
			var err error
			if o.writer != nil {
				check(r, o.writer.Close())
			}
			if o.holder != nil {
				check(r, o.holder.Close())
			}
			o.holder, err = b.Acquire(ctx, layout())
			check(r, err)
			o.writer, err = o.holder.Open(ctx)
			check(r, err)
		}
		reopen()
		m := newModel()
		for range rapid.IntRange(1, 6).Draw(r, "operations") {
			switch rapid.SampledFrom([]string{"commit", "commit", "commit", "fail", "index", "reopen", "rebuild"}).Draw(r, "operation") {
			case "commit":
				batch, next := drawBatch(r, m)
				check(r, o.writer.Commit(ctx, batch))
				m = next
			case "fail":
				batch, _ := drawBatch(r, m)
				if err := o.writer.Commit(ctx, failing(batch)); err == nil {
					r.Fatal("a batch whose row can't be encoded was committed")
				}
			case "index":
				check(r, o.writer.MakeIndexes(ctx))
			case "reopen":
				reopen()
			case "rebuild":
				m = rebuild(r, o, m)
			}
			compare(r, o, m)
		}
	})
}

// rebuild builds a generation of other rows, and has it adopted.
func rebuild(t *rapid.T, o *opened, live *model) *model {
	ctx := context.Background()
	b, err := o.Build(ctx, layout())
	check(t, err)
	defer func() { check(t, b.Close()) }()
	m := newModel()
	for range rapid.IntRange(0, 3).Draw(t, "batches") {
		batch, next := drawBatch(t, m)
		check(t, b.Commit(ctx, batch))
		m = next
		comparePresent(t, b, m)
	}
	compare(t, o, live)
	check(t, b.Finish(ctx))
	reader := b.Reader()
	check(t, reader.Read(ctx, func(s store.Snapshot) error {
		compareSnapshot(t, s, m)
		return nil
	}))
	check(t, reader.Close())
	if rapid.IntRange(0, 3).Draw(t, "dropped") == 0 {
		return live
	}
	check(t, b.Offer(ctx))
	compare(t, o, live)
	check(t, o.writer.Close())
	o.writer = nil
	if adopted, err := o.holder.Adopt(ctx); err != nil || !adopted {
		t.Fatalf("the generation was not adopted: %v", err)
	}
	o.writer, err = o.holder.Open(ctx)
	check(t, err)
	return m
}

func compare(t *rapid.T, o *opened, m *model) {
	comparePresent(t, o.writer, m)
	check(t, o.reader.Read(context.Background(), func(s store.Snapshot) error {
		compareSnapshot(t, s, m)
		return nil
	}))
}

// comparePresent compares what a Writer reads.
func comparePresent(t fataler, w store.Writer, m *model) {
	t.Helper()
	ctx := context.Background()
	p, err := w.Position(ctx)
	check(t, err)
	if !samePosition(p, m.last) {
		t.Fatalf("the position is %+v: want %+v", p, m.last)
	}
	for table := range m.changes {
		last, err := w.LastChange(ctx, table)
		check(t, err)
		want := uint64(0)
		if n := len(m.changes[table]); n > 0 {
			want = m.changes[table][n-1].Change
		}
		if last != want {
			t.Fatalf("the last change of table %d is %d: want %d", table, last, want)
		}
		for _, key := range keyTexts {
			got, err := w.Current(ctx, table, key)
			check(t, err)
			want, ok := m.after[m.size()][table][key]
			if (got != nil) != ok || ok && !same(*got, want) {
				t.Fatalf("%q is %+v in table %d: want %+v, %v", key, got, table, want, ok)
			}
		}
	}
	for state := range m.states {
		for _, key := range keyTexts {
			got, err := w.State(ctx, state, key)
			check(t, err)
			if want, ok := m.states[state][key]; (got != nil) != ok || string(got) != want {
				t.Fatalf("%q is %q in state %d: want %q, %v", key, got, state, want, ok)
			}
		}
	}
	timers, err := w.Timers(ctx)
	check(t, err)
	for _, timer := range timers {
		if due, ok := m.timers[[2]string{timer.View, timer.Key}]; !ok || !due.Equal(timer.Due) {
			t.Fatalf("timer %+v: want %s, %v", timer, due, ok)
		}
	}
	if len(timers) != len(m.timers) {
		t.Fatalf("%d timers: want %d", len(timers), len(m.timers))
	}
}

func samePosition(a, b store.Position) bool {
	return a.Size == b.Size && a.Root == b.Root && a.Now.Equal(b.Now) && a.WithoutBody == b.WithoutBody && bytes.Equal(a.Frontier, b.Frontier)
}

func same(a, b store.Version) bool {
	return a.Change == b.Change && a.Key == b.Key && a.Kind == b.Kind && a.From == b.From && slices.Equal(a.Values, b.Values)
}

// compareSnapshot compares what is the same for all sizes, and some queries.
func compareSnapshot(t *rapid.T, s store.Snapshot, m *model) {
	ctx := context.Background()
	if p := s.Position(); !samePosition(p, m.last) {
		t.Fatalf("the snapshot is at %+v: want %+v", p, m.last)
	}
	for leaf, want := range m.nows {
		if now, err := s.Now(ctx, uint64(leaf)); err != nil || !now.Equal(want) {
			t.Fatalf("at leaf %d it is %s, %v: want %s", leaf, now, err, want)
		}
	}
	if _, err := s.Now(ctx, m.size()); err == nil {
		t.Fatalf("there is a time at leaf %d of %d", m.size(), m.size())
	}
	for size := range m.size() {
		root, ok, err := s.Root(ctx, size+1)
		check(t, err)
		if want, known := m.roots[size+1]; ok != known || root != want {
			t.Fatalf("the root of %d leaves is %q, %v: want %q, %v", size+1, root, ok, want, known)
		}
	}
	compareChanges(t, s, m)
	for table := range m.changes {
		size := rapid.Uint64Range(0, m.size()).Draw(t, "as of")
		var got, want []store.Version
		check(t, s.ByKey(ctx, table, size, func(v store.Version) error {
			got = append(got, v)
			return nil
		}))
		for _, v := range m.after[size][table] {
			want = append(want, v)
		}
		slices.SortFunc(want, func(a, b store.Version) int { return order(a.Key, b.Key) })
		if !slices.EqualFunc(got, want, same) {
			t.Fatalf("by key as of %d: %+v, want %+v", size, got, want)
		}
	}
	for range 3 {
		comparePages(t, s, m)
	}
	for range 2 {
		g := drawGrouping(t, m)
		groups, err := s.Groups(ctx, &g)
		check(t, err)
		if got, want := textOf(groups), m.groups(&g); !slices.Equal(got, want) {
			t.Fatalf("%+v gives\n%q\nwant\n%q", g, got, want)
		}
	}
}

func compareChanges(t *rapid.T, s store.Snapshot, m *model) {
	for table, want := range m.changes {
		limit, after := rapid.IntRange(1, 5).Draw(t, "limit"), uint64(0)
		var got []store.Version
		for {
			n := len(got)
			check(t, s.Changes(context.Background(), table, after, limit, func(v store.Version) error {
				got = append(got, v)
				return nil
			}))
			if len(got) == n {
				break
			}
			if len(got) > n+limit {
				t.Fatalf("%d changes: asked for %d", len(got)-n, limit)
			}
			after = got[len(got)-1].Change
		}
		if !slices.EqualFunc(got, want, same) {
			t.Fatalf("the changes of table %d are %+v: want %+v", table, got, want)
		}
	}
}

// comparePages goes through all pages of a query.
func comparePages(t *rapid.T, s store.Snapshot, m *model) {
	ctx := context.Background()
	q := store.Select{Filter: drawFilter(t, m), Ascending: rapid.Bool().Draw(t, "ascending"), Limit: rapid.IntRange(1, 5).Draw(t, "limit")}
	n, err := s.Count(ctx, &q.Filter)
	check(t, err)
	if want := len(m.rows(&q.Filter)); n != uint64(want) {
		t.Fatalf("%+v: %d rows, want %d", q.Filter, n, want)
	}
	for {
		got, err := versions(ctx, s, q)
		check(t, err)
		if want := m.page(&q); !slices.EqualFunc(got, want, same) {
			t.Fatalf("%+v gives %+v: want %+v", q, got, want)
		}
		if len(got) == 0 {
			return
		}
		last := got[len(got)-1]
		q.After = &store.Place{Change: last.Change}
		if q.Table == things {
			q.After.Order = last.Values[number]
		}
	}
}
