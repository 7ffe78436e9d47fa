package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/projections/store"
)

var (
	monday = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	late   = time.Date(2026, 11, 30, 17, 0, 0, 0, time.UTC) // in Kuala Lumpur it is December
)

// story is three leaves: two rows begin, one changes, one ends.
func story() [][]put {
	return [][]put{
		{{things, "a", thing("lab-1", 2, 0.5, monday, []string{"gpu", "net"}, "MY")}, {things, "b", thing("lab-2", 1, 1, time.Time{}, nil, "SG")}},
		{{things, "a", thing("lab-1", 3, 0.5, late, []string{"gpu"}, "MY")}},
		{{things, "b", nil}, {things, "c", thing("LAB-3", 3, 0, monday, []string{"gpu", "gpu"}, "")}},
	}
}

// filled opens a backend that holds the story.
func filled(t *testing.T, h Harness) *opened {
	t.Helper()
	o := open(t, h.New(t))
	for m, leaves := newModel(), story(); len(leaves) > 0; leaves = leaves[1:] {
		var b *store.Batch
		b, m = m.commit(leaves[:1], nil, nil)
		must(t, o.writer.Commit(t.Context(), b))
	}
	must(t, o.writer.MakeIndexes(t.Context()))
	if !o.writer.Indexed() {
		t.Error("indexes were made, and are not there")
	}
	return o
}

func (o *opened) read(t *testing.T, f func(s store.Snapshot)) {
	t.Helper()
	must(t, o.reader.Read(t.Context(), func(s store.Snapshot) error {
		f(s)
		return nil
	}))
}

func newest(where ...store.Where) store.Filter {
	return store.Filter{Table: things, Where: where, Newest: true, AsOf: 3}
}

func testVersions(t *testing.T, h Harness) {
	filled(t, h).read(t, func(s store.Snapshot) {
		for size, want := range []string{"[]", "[b 1 of 0 a 2 of 0]", "[b 1 of 0 a 3 of 1]", "[a 3 of 1 c 3 of 2]"} {
			list, err := versions(t.Context(), s, store.Select{Filter: store.Filter{AsOf: uint64(size)}, Ascending: true})
			must(t, err)
			var got []string
			for _, v := range list {
				got = append(got, fmt.Sprint(v.Key, " ", v.Values[number], " of ", v.From))
			}
			if fmt.Sprint(got) != want {
				t.Errorf("as of %d leaves: %v, want %s", size, got, want)
			}
		}
		var changes []string
		must(t, s.Changes(t.Context(), things, 0, 10, func(v store.Version) error {
			changes = append(changes, fmt.Sprint(v.Key, v.Kind, "@", v.From, "/", v.Change-v.From*store.ChangesOfLeaf))
			return nil
		}))
		if got, want := strings.Join(changes, " "), "a1@0/1 b1@0/2 a2@1/1 b3@2/1 c1@2/2"; got != want {
			t.Errorf("the changes are %s: want %s", got, want)
		}
	})
}

func testConditions(t *testing.T, h Harness) {
	filled(t, h).read(t, func(s store.Snapshot) {
		for _, c := range []struct {
			where store.Where
			want  string
		}{
			{store.Where{Column: name, Op: store.Equal, Value: "lab-1"}, "a"},
			{store.Where{Column: name, Op: store.NotEqual, Value: "lab-1"}, "c"},
			{store.Where{Column: name, Op: store.Contains, Value: "Lab"}, "a c"},
			{store.Where{Column: name, Op: store.Contains, Value: "%"}, ""},
			{store.Where{Column: name, Op: store.Equal, Value: "' OR 1=1 --"}, ""},
			{store.Where{Column: name, Op: store.Less, Value: "a"}, "c"}, // capitals come first
			{store.Where{Column: number, Op: store.MoreOrEqual, Value: int64(3)}, "a c"},
			{store.Where{Column: share, Op: store.More, Value: 0.25}, "a"},
			{store.Where{Column: at, Op: store.Less, Value: store.FormatTime(late)}, "c"},
			{store.Where{Column: tags, Op: store.Equal, Value: "gpu"}, "a c"},
			{store.Where{Column: tags, Op: store.NotEqual, Value: "net"}, "a c"},
			{store.Where{Column: tags, Op: store.Contains, Value: "GP"}, "a c"},
			{store.Where{Column: store.KeyColumn, Op: store.Equal, Value: "c"}, "c"},
			{store.Where{Column: store.FromColumn, Op: store.LessOrEqual, Value: int64(1)}, "a"},
		} {
			list, err := versions(t.Context(), s, store.Select{Filter: newest(c.where), Ascending: true})
			must(t, err)
			n, err := s.Count(t.Context(), &store.Filter{Where: []store.Where{c.where}, AsOf: 3})
			must(t, err)
			if got := strings.Join(keys(list), " "); got != c.want || n != uint64(len(list)) {
				t.Errorf("%+v gives %q, counted %d: want %q", c.where, got, n, c.want)
			}
		}
		unknown := store.Where{Column: at, Op: store.LessOrEqual, Value: store.FormatTime(late), NotEmpty: true}
		list, err := versions(t.Context(), s, store.Select{Filter: store.Filter{AsOf: 1, Where: []store.Where{unknown}}})
		must(t, err)
		if got := fmt.Sprint(keys(list)); got != "[a]" {
			t.Errorf("%s are known to be before %s: want [a]", got, late)
		}
		for _, c := range []struct {
			among store.Among
			want  string
		}{
			{store.Among{Columns: []int{place}, Values: []string{"MY", "SG"}}, "[a]"},
			{store.Among{Columns: []int{place, name}, Values: []string{"MY/lab-1", "/LAB-3", "MY"}}, "[a c]"},
			{store.Among{Columns: []int{place}}, "[]"},
		} {
			list, err := versions(t.Context(), s, store.Select{Filter: store.Filter{Newest: true, AsOf: 3, Within: []store.Among{c.among}}, Ascending: true})
			must(t, err)
			if got := fmt.Sprint(keys(list)); got != c.want {
				t.Errorf("%+v gives %s: want %s", c.among, got, c.want)
			}
		}
	})
}

func testPages(t *testing.T, h Harness) {
	filled(t, h).read(t, func(s store.Snapshot) {
		for ascending, want := range map[bool]string{true: "b a", false: "a b"} {
			q := store.Select{Filter: store.Filter{AsOf: 2}, Ascending: ascending, Limit: 1}
			var got []string
			for {
				list, err := versions(t.Context(), s, q)
				must(t, err)
				if len(list) == 0 {
					break
				}
				got = append(got, list[0].Key)
				q.After = &store.Place{Order: list[0].Values[number], Change: list[0].Change}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("ascending %v: the pages are %v, want %s", ascending, got, want)
			}
		}
		// Of two with the same number the later change is the greater.
		list, err := versions(t.Context(), s, store.Select{Filter: newest()})
		must(t, err)
		if got := fmt.Sprint(keys(list)); got != "[c a]" {
			t.Errorf("in descending order: %s, want [c a]", got)
		}
		// What f says ends it.
		stop := errors.New("enough")
		if err := s.Versions(t.Context(), &store.Select{Filter: newest(), Limit: 2}, func(store.Version) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("%v: want what f returned", err)
		}
		// Values are the caller's.
		list[0].Values[name] = "forged"
		again, err := versions(t.Context(), s, store.Select{Filter: newest()})
		must(t, err)
		if again[0].Values[name] != "LAB-3" {
			t.Errorf("a caller changed the row to %v", again[0].Values)
		}
	})
}

func testGrouping(t *testing.T, h Harness) {
	kl, err := time.LoadLocation("Asia/Kuala_Lumpur")
	must(t, err)
	filled(t, h).read(t, func(s store.Snapshot) {
		for _, c := range []struct {
			name   string
			filter store.Filter
			by     []store.By
			want   string
		}{
			{"all", newest(), nil, "[[] 2]"},
			{"none", store.Filter{}, nil, "[]"},
			{"a text", store.Filter{AsOf: 1}, []store.By{{Column: place}}, "[[MY] 1] [[SG] 1]"},
			{"a number", newest(), []store.By{{Column: number}}, "[[3] 2]"},
			{"days, one not known", store.Filter{AsOf: 1}, []store.By{{Column: at, Bucket: store.Bucket{Unit: store.Day}}}, "[[] 1] [[2026-11-23] 1]"},
			{"weeks", newest(), []store.By{{Column: at, Bucket: store.Bucket{Unit: store.Week}}}, "[[2026-11-23] 1] [[2026-11-30] 1]"},
			{"months", newest(), []store.By{{Column: at, Bucket: store.Bucket{Unit: store.Month}}}, "[[2026-11-01] 2]"},
			{"months of a zone", newest(), []store.By{{Column: at, Bucket: store.Bucket{Unit: store.Month, Zone: kl}}}, "[[2026-11-01] 1] [[2026-12-01] 1]"},
			{"elements", store.Filter{AsOf: 1}, []store.By{{Column: tags}}, "[[] 1] [[gpu] 1] [[net] 1]"},
			{"an element twice", newest(), []store.By{{Column: tags}, {Column: name}}, "[[gpu LAB-3] 1] [[gpu lab-1] 1]"},
			{"filtered", newest(store.Where{Column: place, Op: store.NotEqual, Value: ""}), []store.By{{Column: place}}, "[[MY] 1]"},
			{"bounded", store.Filter{AsOf: 1, Within: []store.Among{{Columns: []int{place}, Values: []string{"SG"}}}}, []store.By{{Column: place}}, "[[SG] 1]"},
		} {
			groups, err := s.Groups(t.Context(), &store.Grouping{Filter: c.filter, By: c.by})
			must(t, err)
			var got []string
			for _, g := range groups {
				got = append(got, fmt.Sprintf("[%v %d]", g.Values, g.Count))
			}
			if strings.Join(got, " ") != strings.Trim(c.want, " ") && (len(got) > 0 || c.want != "[]") {
				t.Errorf("%s: %s, want %s", c.name, strings.Join(got, " "), c.want)
			}
		}
	})
	o := open(t, h.New(t))
	var leaf []put
	for i := range store.MaxGroups + 1 {
		leaf = append(leaf, put{plain, fmt.Sprint(i), []any{fmt.Sprint(i)}})
	}
	must(t, o.writer.Commit(t.Context(), manyRows(leaf)))
	o.read(t, func(s store.Snapshot) {
		f := store.Filter{Table: plain, AsOf: 1, Newest: true}
		if groups, err := s.Groups(t.Context(), &store.Grouping{Filter: f, By: []store.By{{}}}); !errors.Is(err, store.ErrManyGroups) {
			t.Errorf("%d groups, %v: want an error that there are too many", len(groups), err)
		}
		f.Where = []store.Where{{Column: 0, Op: store.NotEqual, Value: "7"}}
		if groups, err := s.Groups(t.Context(), &store.Grouping{Filter: f, By: []store.By{{}}}); err != nil || len(groups) != store.MaxGroups {
			t.Errorf("%d groups, %v: want %d", len(groups), err, store.MaxGroups)
		}
	})
}

// manyRows is a batch of one leaf, without a model, which would take long.
func manyRows(puts []put) *store.Batch {
	b := &store.Batch{Position: store.Position{Size: 1}, Nows: []time.Time{monday}, Tables: make([]store.Versions, 2), States: make([][]store.Value, 2)}
	b.Tables[plain].New = len(puts)
	b.Tables[plain].Version = func(values []any, i int) (store.NewVersion, error) {
		v := store.Version{Change: uint64(i) + 1, Key: puts[i].key, Kind: store.Added, Values: append(values, puts[i].values...)}
		return store.NewVersion{Version: v}, nil
	}
	return b
}

func testBadQueries(t *testing.T, h Harness) {
	filled(t, h).read(t, func(s store.Snapshot) {
		for _, w := range []store.Where{
			{Column: name, Op: "; DROP TABLE things", Value: "x"},
			{Column: 99, Op: store.Equal, Value: "x"},
			{Column: -3, Op: store.Equal, Value: "x"},
			{Column: tags, Op: store.Less, Value: "x"},
			{Column: number, Op: store.Contains, Value: int64(1)},
			{Column: number, Op: store.Equal, Value: "1"},
			{Column: name, Op: store.Equal, Value: int64(1)},
			{Column: share, Op: store.Equal, Value: int64(1)},
			{Column: name, Op: store.Equal},
		} {
			_, err := versions(t.Context(), s, store.Select{Filter: newest(w)})
			_, counted := s.Count(t.Context(), &store.Filter{Where: []store.Where{w}, AsOf: 3})
			if err == nil || counted == nil {
				t.Errorf("%+v is no error", w)
			}
		}
		for _, by := range []store.By{{Column: 99}, {Column: -1}, {Column: name, Bucket: store.Bucket{Unit: store.Day}}, {Column: at, Bucket: store.Bucket{Unit: "year"}}} {
			if _, err := s.Groups(t.Context(), &store.Grouping{Filter: newest(), By: []store.By{by}}); err == nil {
				t.Errorf("%+v is no error", by)
			}
		}
		if err := s.Versions(t.Context(), &store.Select{Filter: newest()}, func(store.Version) error { return nil }); err == nil {
			t.Error("a page of no rows is no error")
		}
		if _, err := versions(t.Context(), s, store.Select{Filter: store.Filter{AsOf: 3, Within: []store.Among{{Columns: []int{number}}}}}); err == nil {
			t.Error("a number within texts is no error")
		}
	})
}

// testCommit: a batch is written whole or not at all, position and rows together.
func testCommit(t *testing.T, h Harness) {
	o := open(t, h.New(t))
	m := newModel()
	b, m := m.commit(story()[:1], [][]store.Value{{{Key: "k1", JSON: []byte("1")}}, nil}, []store.Timer{{View: "v", Key: "k1", Due: monday}})
	must(t, o.writer.Commit(t.Context(), b))
	for name, change := range map[string]func(b *store.Batch){
		"a row that can't be encoded": func(b *store.Batch) { failing(b) },
		"a change that was":           func(b *store.Batch) { b.Tables[things].Version = repeated(b.Tables[things].Version) },
	} {
		bad, _ := m.commit(story()[1:], [][]store.Value{{{Key: "k1"}}, nil}, []store.Timer{{View: "v", Key: "k1"}})
		change(bad)
		if err := o.writer.Commit(t.Context(), bad); err == nil {
			t.Errorf("%s was committed", name)
		}
		comparePresent(t, o.writer, m)
		o.read(t, func(s store.Snapshot) {
			n, err := s.Count(t.Context(), &store.Filter{AsOf: 1})
			must(t, err)
			if n != 2 || s.Position().Size != 1 {
				t.Errorf("after %s: %d rows at %d leaves, want 2 at 1", name, n, s.Position().Size)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	good, next := m.commit(story()[1:], [][]store.Value{{{Key: "k1"}, {Key: "k2"}}, {{Key: "k1", JSON: []byte("2")}}}, []store.Timer{{View: "v", Key: "k1"}, {View: "w", Key: "k1", Due: monday}})
	if err := o.writer.Commit(ended, good); !errors.Is(err, context.Canceled) {
		t.Errorf("%v: want that the context ended", err)
	}
	comparePresent(t, o.writer, m)
	must(t, o.writer.Commit(t.Context(), good))
	comparePresent(t, o.writer, next)
}

// repeated gives all versions the number that the first leaf's first has.
func repeated(version func([]any, int) (store.NewVersion, error)) func([]any, int) (store.NewVersion, error) {
	return func(values []any, i int) (store.NewVersion, error) {
		v, err := version(values, i)
		v.Change = store.FirstChange(0)
		return v, err
	}
}

// testCrowded: a leaf with more changes than it has numbers takes those of the next.
func testCrowded(t *testing.T, h Harness) {
	o := open(t, h.New(t))
	changes := []uint64{1, store.FirstChange(1) + 5, store.FirstChange(100)}
	b := manyRows([]put{{plain, "a", []any{"a"}}, {plain, "b", []any{"b"}}, {plain, "c", []any{"c"}}})
	b.Position.Size, b.Nows = 101, slices.Repeat([]time.Time{monday}, 101)
	version := b.Tables[plain].Version
	b.Tables[plain].Version = func(values []any, i int) (store.NewVersion, error) {
		v, err := version(values, i)
		v.Change = changes[i]
		if i == 2 {
			v.From = 100
		}
		return v, err
	}
	must(t, o.writer.Commit(t.Context(), b))
	must(t, o.writer.MakeIndexes(t.Context()))
	o.read(t, func(s store.Snapshot) {
		for size, want := range map[uint64]string{0: "[]", 1: "[a b]", 2: "[a b]", 100: "[a b]", 101: "[a b c]"} {
			list, err := versions(t.Context(), s, store.Select{Filter: store.Filter{Table: plain, AsOf: size}, Ascending: true})
			must(t, err)
			if got := fmt.Sprint(keys(list)); got != want {
				t.Errorf("as of %d leaves: %s, want %s", size, got, want)
			}
		}
	})
}

// testZone: days begin where the zone has them begin, to the minute.
func testZone(t *testing.T, h Harness) {
	kathmandu := time.FixedZone("", 20700)
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, kathmandu)
	o := open(t, h.New(t))
	must(t, o.writer.Commit(t.Context(), batchOf([][]put{{
		{things, "before", thing("", 0, 0, midnight.Add(-1), nil, "")},
		{things, "at", thing("", 0, 0, midnight, nil, "")},
		{things, "after", thing("", 0, 0, midnight.Add(time.Minute), nil, "")},
	}})))
	o.read(t, func(s store.Snapshot) {
		groups, err := s.Groups(t.Context(), &store.Grouping{
			Filter: store.Filter{AsOf: 1}, By: []store.By{{Column: at, Bucket: store.Bucket{Unit: store.Day, Zone: kathmandu}}},
		})
		must(t, err)
		if got, want := fmt.Sprint(groups), "[{[2026-11-23] 1} {[2026-11-24] 2}]"; got != want {
			t.Errorf("by days there are %s: want %s", got, want)
		}
	})
}

// testRoots: the roots of the last commits are known, and no others.
func testRoots(t *testing.T, h Harness) {
	o := open(t, h.New(t))
	commit := func(size uint64) {
		b := &store.Batch{Position: store.Position{Size: size}, Tables: make([]store.Versions, 2), States: make([][]store.Value, 2)}
		copy(b.Position.Root[:], fmt.Sprint("root ", size))
		must(t, o.writer.Commit(t.Context(), b))
	}
	for size := range uint64(store.KeptPositions + 5) {
		commit(size + 1)
	}
	o.read(t, func(s store.Snapshot) {
		for size, want := range map[uint64]bool{1: false, 5: false, 6: true, 7: true, store.KeptPositions + 5: true, store.KeptPositions + 6: false} {
			root, ok, err := s.Root(t.Context(), size)
			must(t, err)
			if ok != want || ok && !strings.HasPrefix(string(root[:]), fmt.Sprint("root ", size)) {
				t.Errorf("the root of %d leaves is %q, known %v: want %v", size, root, ok, want)
			}
		}
	})
}

// testSnapshot: what is committed while somebody reads is not seen by that reader.
func testSnapshot(t *testing.T, h Harness) {
	o := open(t, h.New(t))
	b, m := newModel().commit(story()[:1], nil, nil)
	must(t, o.writer.Commit(t.Context(), b))
	o.read(t, func(s store.Snapshot) {
		for _, leaf := range story()[1:] {
			b, m = m.commit([][]put{leaf}, nil, nil)
			must(t, o.writer.Commit(t.Context(), b))
			list, err := versions(t.Context(), s, store.Select{Filter: store.Filter{AsOf: 1, Newest: true}, Ascending: true})
			must(t, err)
			if got := keys(list); s.Position().Size != 1 || !slices.Equal(got, []string{"b", "a"}) || list[1].Values[number] != int64(2) {
				t.Errorf("a snapshot of 1 leaf is at %d and has %+v", s.Position().Size, list)
			}
			n := 0
			must(t, s.Changes(t.Context(), things, 0, 100, func(store.Version) error { n++; return nil }))
			if _, err := s.Now(t.Context(), 1); n != 2 || err == nil {
				t.Errorf("a snapshot of 1 leaf has %d changes, and the time at leaf 1: %v", n, err)
			}
		}
		o.read(t, func(inner store.Snapshot) {
			if got := inner.Position().Size; got != 3 {
				t.Errorf("another snapshot is at %d: want 3", got)
			}
		})
	})
}
