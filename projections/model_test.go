package projections

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections/store"
	"github.com/saksi-ledger/saksi/projections/store/memory"
	"github.com/saksi-ledger/saksi/projections/store/sqlite"
)

// thing has a column of each kind.
type thing struct {
	Facility string      `col:"facility,index" json:"facility"`
	Operator string      `col:"operator" json:"operator"`
	Number   int64       `col:"number,order" json:"number"`
	Count    uint64      `col:"count" json:"count"`
	Share    float64     `col:"share" json:"share"`
	Open     bool        `col:"open,index" json:"open"`
	At       time.Time   `col:"time" json:"time"`
	First    events.Ref  `col:"first" json:"first"`
	Aliases  []string    `col:"aliases" json:"aliases"`
	Evidence events.Refs `col:"evidence" json:"evidence"`
}

// step is what a view does at a leaf; its script is what the leaf says.
type step struct {
	op  string // put, delete, append, count, at, cancel
	key string
	row thing
	due time.Duration // from the time of the leaf
}

var beginning = time.Date(2023, 7, 10, 12, 0, 0, 0, time.UTC)

// scripted does what its script has for each leaf. Timers put and delete.
func scripted(script [][]step) *View {
	things, counts := NewTable[thing]("things"), NewState[map[string]int]("counts")
	return &View{
		Name: "things", Version: 1, Tables: []Schema{things, counts},
		Leaf: func(tx *Tx, f *Fact) error {
			for _, s := range script[f.Index] {
				if err := s.do(tx, things, counts); err != nil {
					return err
				}
			}
			return nil
		},
		Due: func(tx *Tx, key string, due time.Time) error {
			row, ok, err := things.Get(tx, key)
			if err != nil {
				return err
			}
			if ok && row.Open {
				return things.Delete(tx, key)
			}
			// A timer that sets itself fires again in the same round.
			if strings.HasPrefix(key, "a") && due.Before(tx.Now().Add(-time.Minute)) {
				if err := tx.At(due.Add(time.Minute), key); err != nil {
					return err
				}
			}
			return things.Put(tx, key, &thing{Facility: "timer", Open: true, At: due, Number: int64(tx.Leaf())})
		},
	}
}

func (s *step) do(tx *Tx, things *Table[thing], counts *State[map[string]int]) error {
	switch s.op {
	case "put":
		return things.Put(tx, s.key, &s.row)
	case "delete":
		return things.Delete(tx, s.key)
	case "append":
		return things.Append(tx, s.key, &s.row)
	case "grow":
		row, ok, err := things.Get(tx, s.key)
		if err != nil || !ok {
			return err
		}
		row.Evidence = append(row.Evidence, events.Ref{Leaf: tx.Leaf(), Event: 0})
		return things.Put(tx, s.key, row)
	case "count":
		m, ok, err := counts.Get(tx, s.key)
		if err != nil {
			return err
		}
		if !ok {
			m = &map[string]int{}
		}
		(*m)["n"]++
		if (*m)["n"] > 3 {
			return counts.Delete(tx, s.key)
		}
		if err := counts.Put(tx, s.key, m); err != nil {
			return err
		}
		(*m)["n"] = 99 // must not be seen again
		return things.Put(tx, "count "+s.key, &thing{Facility: s.key, Count: uint64((*m)["n"])})
	case "at":
		return tx.At(tx.Now().Add(s.due), s.key)
	case "cancel":
		return tx.Cancel(s.key)
	}
	return nil
}

// text may hold anything that JSON can.
func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom([]string{"", "lab-1", "lab-2", "<a&b>", "\x00", "é\u2028", "a\xffb"}), rapid.StringN(0, 5, 20))
}

func things() *rapid.Generator[thing] {
	return rapid.Custom(func(t *rapid.T) thing {
		row := thing{
			Facility: text().Draw(t, "facility"), Operator: rapid.SampledFrom([]string{"", "nimbus-my"}).Draw(t, "operator"),
			Number: rapid.Int64Range(-3, 3).Draw(t, "number"), Count: rapid.Uint64Range(0, 1<<53).Draw(t, "count"),
			Share: rapid.Float64Range(-1, 1).Draw(t, "share"), Open: rapid.Bool().Draw(t, "open"),
			First: events.Ref{Leaf: rapid.Uint64Range(0, 99).Draw(t, "leaf"), Event: 1}, Aliases: rapid.SliceOfN(text(), 0, 3).Draw(t, "aliases"),
		}
		if rapid.Bool().Draw(t, "timed") {
			row.At = beginning.Add(time.Duration(rapid.Int64Range(-1e18, 1e18).Draw(t, "at"))).In(time.FixedZone("", 3600))
		}
		return row
	})
}

func scripts() *rapid.Generator[[][]step] {
	keys := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f\x00", "g"})
	appended := 0
	one := rapid.Custom(func(t *rapid.T) step {
		s := step{op: rapid.SampledFrom([]string{"put", "put", "put", "delete", "append", "grow", "count", "at", "at", "cancel"}).Draw(t, "op"), key: keys.Draw(t, "key")}
		switch s.op {
		case "put", "append":
			s.row = things().Draw(t, "row")
		case "at":
			s.due = time.Duration(rapid.Int64Range(-3, 10).Draw(t, "due")) * time.Minute
		}
		if s.op == "append" {
			appended++
			s.key = fmt.Sprint("new ", appended)
		}
		return s
	})
	return rapid.SliceOfN(rapid.SliceOfN(one, 0, 4), 1, 40)
}

func scriptFacts(script [][]step) []*Fact {
	facts := make([]*Fact, len(script))
	for i := range facts {
		at := beginning.Add(time.Duration(i*3%7+i) * time.Minute) // not always later
		facts[i] = &Fact{Index: uint64(i), Leaf: &formats.Leaf{Epoch: 1, Seq: uint64(i), Subject: "ledger", Received: at, Verdict: formats.Accepted, First: 1, Count: 1}}
	}
	return facts
}

// model is the same, the naive way: whole copies of all rows after every leaf.
type model struct {
	rows   map[string]thing
	from   map[string]uint64
	counts map[string]int
	timers map[string]time.Time
	order  []string // first put in this leaf
	now    time.Time

	after   []map[string]thing // by leaf
	afterAt []map[string]uint64
	changes []string
}

func (m *model) put(key string, row *thing) {
	if !slices.Contains(m.order, key) {
		m.order = append(m.order, key)
	}
	if row == nil {
		delete(m.rows, key)
		return
	}
	m.rows[key] = *row
}

func (m *model) run(script [][]step) {
	m.rows, m.from, m.counts, m.timers = map[string]thing{}, map[string]uint64{}, map[string]int{}, map[string]time.Time{}
	for i, f := range scriptFacts(script) {
		if f.Leaf.Received.After(m.now) {
			m.now = f.Leaf.Received
		}
		before := maps.Clone(m.rows)
		m.order = nil
		m.fire(uint64(i))
		for _, s := range script[i] {
			m.do(s, uint64(i))
		}
		for _, key := range m.order {
			old, was := before[key]
			row, is := m.rows[key]
			switch {
			case !was && !is, was && is && fmt.Sprint(plain(old)) == fmt.Sprint(plain(row)):
				continue
			case !is:
				m.changes = append(m.changes, fmt.Sprint(i, Ended, key, plain(old)))
				delete(m.from, key)
				continue
			case was:
				m.changes = append(m.changes, fmt.Sprint(i, Changed, key, plain(row)))
			default:
				m.changes = append(m.changes, fmt.Sprint(i, Added, key, plain(row)))
			}
			m.from[key] = uint64(i)
		}
		m.after, m.afterAt = append(m.after, maps.Clone(m.rows)), append(m.afterAt, maps.Clone(m.from))
	}
}

// plain is a row without what makes no difference.
func plain(r thing) string {
	r.Facility, r.Aliases = strings.ToValidUTF8(r.Facility, "\uFFFD"), slices.Clone(r.Aliases)
	for i := range r.Aliases {
		r.Aliases[i] = strings.ToValidUTF8(r.Aliases[i], "\uFFFD")
	}
	return fmt.Sprintf("%q %q %d %d %v %v %s %v %q %v", r.Facility, r.Operator, r.Number, r.Count, r.Share+0, r.Open, r.At.UTC().Format(time.RFC3339Nano), r.First, r.Aliases, r.Evidence)
}

func (m *model) fire(leaf uint64) {
	for {
		key, found := "", false
		for k, due := range m.timers {
			if !due.After(m.now) && (!found || due.Before(m.timers[key]) || due.Equal(m.timers[key]) && k < key) {
				key, found = k, true
			}
		}
		if !found {
			return
		}
		due := m.timers[key]
		delete(m.timers, key)
		if row, ok := m.rows[key]; ok && row.Open {
			m.put(key, nil)
			continue
		}
		if strings.HasPrefix(key, "a") && due.Before(m.now.Add(-time.Minute)) {
			m.timers[key] = due.Add(time.Minute)
		}
		m.put(key, &thing{Facility: "timer", Open: true, At: due, Number: int64(leaf)})
	}
}

func (m *model) do(s step, leaf uint64) {
	switch s.op {
	case "put", "append":
		m.put(s.key, &s.row)
	case "delete":
		m.put(s.key, nil)
	case "grow":
		if row, ok := m.rows[s.key]; ok {
			row.Evidence = append(slices.Clone(row.Evidence), events.Ref{Leaf: leaf, Event: 0})
			m.put(s.key, &row)
		}
	case "count":
		m.counts[s.key]++
		if m.counts[s.key] > 3 {
			delete(m.counts, s.key)
			return
		}
		m.put("count "+s.key, &thing{Facility: s.key, Count: 99})
	case "at":
		m.timers[s.key] = m.now.Add(s.due)
	case "cancel":
		delete(m.timers, s.key)
	}
}

// TestEarly: as of a size long past, rows are those that a view had then.
func TestEarly(t *testing.T) {
	s := filled(t, 400, 2)
	small := filled(t, 7, 2)
	for _, q := range []Query{{AsOf: 7, Limit: 3}, {AsOf: 7, Limit: 3, Ascending: true}, {AsOf: 7, Where: conditions(t, "facility!=lab-3"), Count: true, Limit: 3}} {
		for {
			got, err := s.Rows(t.Context(), "touches", q)
			must(t, err)
			want, err := small.Rows(t.Context(), "touches", q)
			must(t, err)
			if fmt.Sprint(keysOf(got)) != fmt.Sprint(keysOf(want)) || got.Next != want.Next || !got.Now.Equal(want.Now) || (q.Count && *got.Total != *want.Total) {
				t.Fatalf("%+v gives %v: want %v", q, keysOf(got), keysOf(want))
			}
			if q.Cursor = got.Next; q.Cursor == "" {
				break
			}
		}
	}
}

func keysOf(p Page) (keys []string) {
	for _, row := range p.Rows {
		keys = append(keys, row.Key)
	}
	return keys
}

// TestModel: whatever views do, however leaves are batched, whenever the engine is
// stopped and however little it remembers, rows, changes and the past are the model's.
func TestModel(t *testing.T) {
	for name, backend := range map[string]func(dir string) store.Backend{
		"sqlite": func(dir string) store.Backend { return sqlite.New(dir) },
		"memory": func(string) store.Backend { return memory.New() },
	} {
		t.Run(name, func(t *testing.T) { testModel(t, backend) })
	}
}

func testModel(t *testing.T, open func(dir string) store.Backend) {
	root := t.TempDir()
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		runs++
		dir := filepath.Join(root, fmt.Sprint(runs))
		defer os.RemoveAll(dir)
		backend := open(dir)
		script := scripts().Draw(r, "script")
		var want model
		want.run(script)
		v := scripted(script)
		e, err := OpenEngine(t.Context(), backend, []*View{v}, Options{})
		must(t, err)
		for next := 0; next < len(script); {
			if rapid.IntRange(0, 3).Draw(r, "restart") == 0 {
				must(t, e.Close())
				e, err = OpenEngine(t.Context(), backend, []*View{v}, Options{})
				must(t, err)
			}
			if rapid.Bool().Draw(r, "forgetful") {
				e.cached, e.stale = rapid.IntRange(0, 3).Draw(r, "cached"), true
			}
			n := min(rapid.IntRange(1, 10).Draw(r, "batch"), len(script)-next)
			must(t, e.Apply(t.Context(), scriptFacts(script)[next:next+n]))
			next += n
		}
		must(t, e.makeIndexes(t.Context()))
		must(t, e.Close())
		s, err := OpenStore(t.Context(), backend, []*View{v})
		must(t, err)
		defer s.Close()
		compareChanges(r, s, &want)
		for n := uint64(1); n <= uint64(len(script)); n++ {
			compareRows(r, s, &want, n)
		}
	})
}

func compareChanges(t *rapid.T, s *Store, want *model) {
	var got []string
	for after := uint64(0); ; {
		list, err := s.Changes(t.Context(), "things", after, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, c := range list {
			if c.Number != max(after+1, store.FirstChange(c.Leaf)) {
				t.Fatalf("change %d of leaf %d follows %d", c.Number, c.Leaf, after)
			}
			after = c.Number
			got = append(got, fmt.Sprint(c.Leaf, c.Kind, c.Key, plain(*c.Row.(*thing))))
		}
	}
	if !slices.Equal(got, want.changes) {
		t.Fatalf("changes are\n%q\nwant\n%q", got, want.changes)
	}
}

// compareRows pages through the view as of a size.
func compareRows(t *rapid.T, s *Store, want *model, size uint64) {
	q := Query{AsOf: size, Limit: rapid.IntRange(1, 5).Draw(t, "limit"), Ascending: rapid.Bool().Draw(t, "ascending"), Count: true}
	rows, from := want.after[size-1], want.afterAt[size-1]
	seen := map[string]bool{}
	last := int64(0)
	for pages := 0; ; pages++ {
		page, err := s.Rows(t.Context(), "things", q)
		if err != nil {
			t.Fatal(err)
		}
		if page.Size != size || *page.Total != uint64(len(rows)) {
			t.Fatalf("as of %d: a page of %d, %d rows of %d", size, page.Size, *page.Total, len(rows))
		}
		for _, row := range page.Rows {
			got := *row.Value.(*thing)
			w, ok := rows[row.Key]
			if !ok || seen[row.Key] || plain(w) != plain(got) || row.From != from[row.Key] {
				t.Fatalf("as of %d: row %q is %s of leaf %d: want %s of leaf %d (seen already: %v)", size, row.Key, plain(got), row.From, plain(w), from[row.Key], seen[row.Key])
			}
			if len(seen) > 0 && (got.Number < last) == q.Ascending && got.Number != last {
				t.Fatalf("as of %d: %d after %d", size, got.Number, last)
			}
			seen[row.Key], last = true, got.Number
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if len(seen) != len(rows) {
		t.Fatalf("as of %d: %d rows, want %d", size, len(seen), len(rows))
	}
}
