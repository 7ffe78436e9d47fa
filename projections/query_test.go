package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/store"
)

// filled returns a store of a view like touches, of leaves of n events each.
func filled(t testing.TB, leaves, n int) *Store {
	dir := viewsDir(t)
	e := openEngine(t, dir, touches())
	for first := 0; first < leaves; first += 500 {
		must(t, e.Apply(t.Context(), touchFacts(first, min(500, leaves-first), n)))
	}
	must(t, e.makeIndexes(t.Context()))
	return openStore(t, dir, touches())
}

func conditions(t testing.TB, list ...string) []Condition {
	t.Helper()
	var where []Condition
	for _, s := range list {
		c, err := ParseCondition(s)
		must(t, err)
		where = append(where, c)
	}
	return where
}

// TestConditions compares what SQL selects with what a loop does.
func TestConditions(t *testing.T) {
	s := filled(t, 100, 2)
	for _, c := range []struct {
		where string
		holds func(r *touch) bool
	}{
		{"facility=lab-1", func(r *touch) bool { return r.Facility == "lab-1" }},
		{"facility!=lab-1", func(r *touch) bool { return r.Facility != "lab-1" }},
		{"facility<lab-11", func(r *touch) bool { return r.Facility < "lab-11" }},
		{"facility~AB-1", func(r *touch) bool { return strings.Contains(r.Facility, "ab-1") }},
		{"actor.party=vendor", func(r *touch) bool { return r.Party == "vendor" }},
		{"received>=2023-07-10T12:01Z", func(r *touch) bool { return !r.Received.Before(beginning.Add(time.Minute)) }},
		{"received>2023-07-10T14:01:00+02:00", func(r *touch) bool { return r.Received.After(beginning.Add(time.Minute)) }},
		{"received<2023-07-11", func(r *touch) bool { return true }},
		{"received=2023-07-10", func(r *touch) bool { return true }},
		{"received<=2023-07-10", func(r *touch) bool { return true }},
		{"received>2023-07-10", func(r *touch) bool { return false }},
		{"received>2023-07-09", func(r *touch) bool { return true }},
		{"received=2023-07-09", func(r *touch) bool { return false }},
		{"received=", func(r *touch) bool { return false }},
		{"escorted=true", func(r *touch) bool { return r.Escorted }},
		{"evidence=12/1", func(r *touch) bool { return slices.Contains(r.Evidence, events.Ref{Leaf: 12, Event: 1}) }},
		{"assets~POOL", func(r *touch) bool { return true }},
		{"assets!=gpu-pool-1", func(r *touch) bool { return false }},
		{"facility=' OR 1=1 --", func(r *touch) bool { return false }},
	} {
		all, err := s.Rows(t.Context(), "touches", Query{Limit: 1000})
		must(t, err)
		var want []string
		for _, row := range all.Rows {
			if c.holds(row.Value.(*touch)) {
				want = append(want, row.Key)
			}
		}
		page, err := s.Rows(t.Context(), "touches", Query{Where: conditions(t, c.where), Limit: 1000, Count: true})
		must(t, err)
		var got []string
		for _, row := range page.Rows {
			got = append(got, row.Key)
		}
		if !slices.Equal(got, want) || *page.Total != uint64(len(want)) {
			t.Errorf("%s gives %d rows (total %d): want %d", c.where, len(got), *page.Total, len(want))
		}
	}
	if row, ok, err := s.Get(t.Context(), "touches", "12/1", 13); err != nil || !ok || row.From != 12 {
		t.Errorf("12/1 as of 13 is %+v, %v, %v", row, ok, err)
	}
	if _, ok, err := s.Get(t.Context(), "touches", "12/1", 12); err != nil || ok {
		t.Errorf("12/1 is there as of 12 leaves: %v, %v", ok, err)
	}
}

func TestQueryErrors(t *testing.T) {
	s := filled(t, 10, 1)
	for _, c := range []struct {
		view string
		q    Query
		want string // in the error or its hint
	}{
		{"touchs", Query{}, "there are touches"},
		{"touches", Query{Where: conditions(t, "party=operator")}, "actor.party"},
		{"touches", Query{Where: conditions(t, "faclity=lab-1")}, "facility"},
		{"touches", Query{Where: conditions(t, "time>yesterday")}, "want a time"},
		{"touches", Query{Where: conditions(t, "received!=2023-07-10")}, "a whole day"},
		{"touches", Query{Where: conditions(t, "escorted=yes")}, "true or false"},
		{"touches", Query{Where: conditions(t, "escorted>true")}, "has no >"},
		{"touches", Query{Where: conditions(t, "assets<a")}, "has no <"},
		{"touches", Query{Where: []Condition{{"facility", "; DROP", "x"}}}, "has no ; DROP"},
		{"touches", Query{Limit: 1001}, "want 1 to 1000"},
		{"touches", Query{AsOf: 11}, "the views have seen 10"},
		{"touches", Query{Cursor: "AAAA"}, "none of a page"},
	} {
		_, err := s.Rows(t.Context(), c.view, c.q)
		var q *QueryError
		if !errors.As(err, &q) || !strings.Contains(q.Problem+" "+q.Hint(), c.want) {
			t.Errorf("%+v: %v: want a QueryError with %q", c.q, err, c.want)
		}
	}
}

// TestCursorBelongs: a cursor serves the query that it came from, and no other.
func TestCursorBelongs(t *testing.T) {
	s := filled(t, 10, 2)
	mine := Query{Where: conditions(t, "operator=nimbus-my"), Limit: 3}
	page, err := s.Rows(t.Context(), "touches", mine)
	must(t, err)
	for name, other := range map[string]Query{
		"conditions": {Where: conditions(t, "operator!=nimbus-my"), Limit: 3},
		"order":      {Where: mine.Where, Ascending: true},
		"size":       {Where: mine.Where, AsOf: 5},
	} {
		other.Cursor = page.Next
		if _, err := s.Rows(t.Context(), "touches", other); err == nil || !strings.Contains(err.Error(), "another query") {
			t.Errorf("other %s: %v: want the cursor refused", name, err)
		}
	}
	mine.Cursor, mine.Limit = page.Next, 5
	if _, err := s.Rows(t.Context(), "touches", mine); err != nil {
		t.Errorf("another limit: %v", err)
	}
}

// TestPagesStable: what is added between two pages changes neither.
func TestPagesStable(t *testing.T) {
	dir := viewsDir(t)
	e := openEngine(t, dir, touches())
	must(t, e.Apply(t.Context(), touchFacts(0, 20, 2)))
	s := openStore(t, dir, touches())
	seen := map[string]bool{}
	q := Query{Limit: 7}
	for next := 20; ; next += 5 {
		page, err := s.Rows(t.Context(), "touches", q)
		must(t, err)
		for _, row := range page.Rows {
			if seen[row.Key] || row.From >= 20 {
				t.Fatalf("row %s: seen already, or later than the first page", row.Key)
			}
			seen[row.Key] = true
		}
		if page.Size != 20 {
			t.Fatalf("a page of %d leaves: want 20", page.Size)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
		must(t, e.Apply(t.Context(), touchFacts(next, 5, 2)))
	}
	if len(seen) != 40 {
		t.Fatalf("%d rows on all pages: want 40", len(seen))
	}
}

// planner is a snapshot of SQLite's, which says how it goes about a query.
type planner interface {
	Plan(ctx context.Context, q *store.Select) ([]string, error)
}

// TestPlans: pages are read off an index, without sorting.
func TestPlans(t *testing.T) {
	s := filled(t, 50, 2)
	for _, q := range []Query{
		{},
		{Ascending: true},
		{AsOf: 30},
		{Where: conditions(t, "facility=lab-1")},
		{Where: conditions(t, "actor.party=vendor", "time>=2023-07-10T12:00Z")},
		{Where: conditions(t, "session=s-1", "mode=api"), AsOf: 20, Ascending: true},
		{Where: conditions(t, "time>=2023-07-10T12:00Z", "time<2023-07-10T12:00:20Z")},
		{Where: conditions(t, "key=12/1")},
	} {
		for range 2 { // the first page, and one after it
			p, err := s.selecting("touches", q)
			must(t, err)
			p.sel.AsOf, p.sel.Newest = 50, q.AsOf == 0
			var plan []string
			must(t, s.reader.Read(t.Context(), func(snapshot store.Snapshot) (err error) {
				plan, err = snapshot.(planner).Plan(t.Context(), &p.sel)
				return err
			}))
			text := strings.Join(plan, "; ")
			sorted := strings.Contains(text, "TEMP B-TREE") && !strings.Contains(text, ".key")
			if !strings.Contains(text, "USING INDEX") || sorted {
				t.Errorf("%v: %s", q.Where, text)
			}
			page, err := s.Rows(t.Context(), "touches", Query{Where: q.Where, AsOf: q.AsOf, Ascending: q.Ascending, Limit: 1})
			must(t, err)
			q.Cursor = page.Next
		}
	}
}

func FuzzParseCondition(f *testing.F) {
	for _, s := range []string{"actor.party=operator", "time>=2023-07-10T12:00Z", "a!=", "count<3", "x~y", "=", "a", "a==b", "a>=<b"} {
		f.Add(s)
	}
	sch := NewTable[thing]("things").s
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCondition(s)
		if err != nil {
			var q *QueryError
			if !errors.As(err, &q) || q.Problem == "" {
				t.Fatalf("%v is no QueryError", err)
			}
			return
		}
		if c.String() != s {
			t.Fatalf("%q is read as %q", s, c)
		}
		ws, err := sch.where(c)
		var q *QueryError
		switch {
		case err != nil && !errors.As(err, &q):
			t.Fatalf("%v is no QueryError", err)
		case err == nil && len(ws) == 0:
			t.Fatalf("%q asks for nothing", s)
		}
		for _, w := range ws {
			if w.Column >= 0 && sch.columns[w.Column].Name != c.Column {
				t.Fatalf("%q is of column %s", s, sch.columns[w.Column].Name)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add((&cursor{Query: "q", AsOf: 3, Change: 7, Text: "2023"}).String())
	f.Add((&cursor{Query: "q", AsOf: 3, Change: 7, Integer: -5, Number: 1.5}).String())
	f.Add("e30")
	s := filled(f, 10, 2)
	mine := (&Query{}).fingerprint(touches())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text, mine)
		if err == nil && c.String() != text {
			t.Fatalf("%q is read as %q", text, c)
		}
		if text == "" {
			return
		}
		// One made up for this very query gives rows of the view or an error of the asker.
		if made, err := parseCursor(text, "q"); err == nil {
			made.Query = mine
			text = made.String()
		}
		page, err := s.Rows(t.Context(), "touches", Query{Cursor: text})
		var q *QueryError
		if err != nil && !errors.As(err, &q) {
			t.Fatalf("%v is no QueryError", err)
		}
		for _, row := range page.Rows {
			if row.From >= page.Size {
				t.Fatalf("row %s of leaf %d as of %d", row.Key, row.From, page.Size)
			}
		}
	})
}

func TestRefs(t *testing.T) {
	for _, s := range []string{"", "12", "12/", "/3", "012/3", "12/03", "+1/2", "12/3/4", "-1/0", "99999999999999999999/0"} {
		if r, err := events.ParseRef(s); err == nil {
			t.Errorf("%q is read as %v", s, r)
		}
	}
	if r, err := events.ParseRef("12/3"); err != nil || r != (events.Ref{Leaf: 12, Event: 3}) || fmt.Sprint(r) != "12/3" {
		t.Errorf("12/3 is read as %v, %v", r, err)
	}
}
