package storetest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/projections/store"
)

// Places in the layout and its columns.
const (
	things = 0 // in the order of number
	plain  = 1 // in the order of changes

	name, number, share, at, tags, place = 0, 1, 2, 3, 4, 5
)

// layout has a table with a column of each type, one that is ordered by change, and two
// states.
func layout() store.Layout {
	return store.Layout{
		Stamp: "storetest 1",
		Tables: []store.Table{
			{Name: "things", Order: number, Columns: []store.Column{
				{Name: "name", Type: store.Text, Index: true},
				{Name: "number", Type: store.Integer, Index: true},
				{Name: "share", Type: store.Real},
				{Name: "at", Type: store.Time, Index: true},
				{Name: "tags", Type: store.List},
				{Name: "place.of", Type: store.Text},
			}},
			{Name: "things.plain", Order: -1, Columns: []store.Column{{Name: "group", Type: store.Text}}},
		},
		States: []string{"things.counts", "things.names"},
	}
}

// thing returns the values of a row of things.
func thing(n string, num int64, sh float64, t time.Time, list []string, p string) []any {
	if list == nil {
		list = []string{}
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // of a list of strings
	}
	return []any{n, num, sh, store.FormatTime(t), string(b), p}
}

// put is what a leaf does to a key; nil values end it.
type put struct {
	table  int
	key    string
	values []any
}

// model is what a generation must hold: whole copies of all rows after every leaf.
type model struct {
	after   [][]map[string]store.Version // by size, then table
	changes [][]store.Version            // by table
	nows    []time.Time
	states  []map[string]string
	timers  map[[2]string]time.Time
	last    store.Position
	roots   map[uint64][32]byte
}

func newModel() *model {
	return &model{
		after: [][]map[string]store.Version{{{}, {}}}, changes: make([][]store.Version, 2),
		states: []map[string]string{{}, {}}, timers: map[[2]string]time.Time{}, roots: map[uint64][32]byte{},
	}
}

func (m *model) size() uint64 { return uint64(len(m.nows)) }

// commit returns the batch of some leaves, and the model after it.
func (m *model) commit(leaves [][]put, states [][]store.Value, timers []store.Timer) (*store.Batch, *model) {
	next := &model{
		after: slices.Clone(m.after), changes: slices.Clone(m.changes), nows: slices.Clone(m.nows),
		states: []map[string]string{{}, {}}, timers: map[[2]string]time.Time{}, roots: map[uint64][32]byte{},
	}
	for size, root := range m.roots {
		next.roots[size] = root
	}
	for key, due := range m.timers {
		next.timers[key] = due
	}
	for i := range m.states {
		for key, value := range m.states[i] {
			next.states[i][key] = value
		}
	}
	b := &store.Batch{First: m.size(), Tables: make([]store.Versions, 2), States: states, Timers: timers}
	made := make([][]store.NewVersion, 2)
	for _, puts := range leaves {
		leaf := next.size()
		now := time.Date(2026, 11, 23, 0, int(leaf), 0, 500, time.UTC)
		next.nows = append(next.nows, now)
		b.Nows = append(b.Nows, now)
		rows := []map[string]store.Version{clone(next.after[leaf][0]), clone(next.after[leaf][1])}
		for _, p := range puts {
			old, was := rows[p.table][p.key]
			v := store.Version{Key: p.key, Kind: store.Added, From: leaf, Values: p.values, Change: store.FirstChange(leaf)}
			if n := len(next.changes[p.table]); n > 0 {
				v.Change = max(v.Change, next.changes[p.table][n-1].Change+1)
			}
			switch {
			case p.values == nil && !was:
				continue
			case p.values == nil:
				v.Kind, v.Values = store.Ended, old.Values
				delete(rows[p.table], p.key)
			case was:
				v.Kind = store.Changed
			}
			if v.Kind != store.Ended {
				rows[p.table][p.key] = v
			}
			if was {
				i := slices.IndexFunc(made[p.table], func(n store.NewVersion) bool { return n.Change == old.Change })
				if i >= 0 {
					made[p.table][i].To = leaf
				} else {
					b.Tables[p.table].Ends = append(b.Tables[p.table].Ends, store.End{Change: old.Change, Leaf: leaf})
				}
			}
			written := store.NewVersion{Version: v}
			if v.Kind == store.Ended {
				written.To = leaf
			}
			made[p.table] = append(made[p.table], written)
			next.changes[p.table] = append(slices.Clip(next.changes[p.table]), v)
		}
		next.after = append(next.after, rows)
	}
	for i := range made {
		b.Tables[i].New = len(made[i])
		b.Tables[i].Version = func(values []any, n int) (store.NewVersion, error) {
			v := made[i][n]
			v.Values = append(values, v.Values...)
			return v, nil
		}
	}
	for i, values := range states {
		for _, v := range values {
			if v.JSON == nil {
				delete(next.states[i], v.Key)
			} else {
				next.states[i][v.Key] = string(v.JSON)
			}
		}
	}
	for _, t := range timers {
		if t.Due.IsZero() {
			delete(next.timers, [2]string{t.View, t.Key})
		} else {
			next.timers[[2]string{t.View, t.Key}] = t.Due
		}
	}
	next.last = store.Position{Size: next.size(), WithoutBody: next.size() / 3, Frontier: fmt.Append(nil, "frontier ", next.size())}
	copy(next.last.Root[:], fmt.Sprintf("the root of %d leaves", next.size()))
	if n := len(next.nows); n > 0 {
		next.last.Now = next.nows[n-1]
	}
	next.roots[next.size()] = next.last.Root
	b.Position = next.last
	return b, next
}

func clone(m map[string]store.Version) map[string]store.Version {
	c := map[string]store.Version{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// failing makes a batch one that can't be written.
func failing(b *store.Batch) *store.Batch {
	last := &b.Tables[plain]
	good, n := last.Version, last.New
	last.New++
	last.Version = func(values []any, i int) (store.NewVersion, error) {
		if i == n {
			return store.NewVersion{}, errRow
		}
		return good(values, i)
	}
	return b
}

var errRow = errors.New("the row can't be encoded")

// rows returns the versions that satisfy a filter, in any order.
func (m *model) rows(f *store.Filter) []store.Version {
	size := f.AsOf
	if f.Newest {
		size = m.size()
	}
	var list []store.Version
	for _, v := range m.after[size][f.Table] {
		good := true
		for _, w := range f.Where {
			good = good && holds(v, w)
		}
		for _, a := range f.Within {
			var texts []string
			for _, c := range a.Columns {
				texts = append(texts, v.Values[c].(string))
			}
			found := false
			for _, value := range a.Values {
				found = found || value == strings.Join(texts, "/")
			}
			good = good && found
		}
		if good {
			list = append(list, v)
		}
	}
	return list
}

func holds(v store.Version, w store.Where) bool {
	var value any
	switch w.Column {
	case store.KeyColumn:
		value = v.Key
	case store.FromColumn:
		value = int64(v.From)
	case tags:
		found := false
		for _, e := range listOf(v.Values[tags]) {
			if w.Op == store.Contains {
				found = found || contains(e, w.Value.(string))
			} else {
				found = found || e == w.Value
			}
		}
		return found != (w.Op == store.NotEqual)
	default:
		value = v.Values[w.Column]
	}
	if w.Op == store.Contains {
		return contains(value.(string), w.Value.(string))
	}
	if value == "" && w.NotEmpty && (w.Op == store.Less || w.Op == store.LessOrEqual) {
		return false
	}
	n := order(value, w.Value)
	return map[store.Op]bool{
		store.Equal: n == 0, store.NotEqual: n != 0, store.Less: n < 0, store.LessOrEqual: n <= 0, store.More: n > 0, store.MoreOrEqual: n >= 0,
	}[w.Op]
}

// contains looks for a text within another, byte by byte.
func contains(text, part string) bool {
	for i := 0; i+len(part) <= len(text); i++ {
		same := true
		for j := range len(part) {
			a, b := text[i+j], part[j]
			if a >= 'A' && a <= 'Z' {
				a += 32
			}
			if b >= 'A' && b <= 'Z' {
				b += 32
			}
			same = same && a == b
		}
		if same {
			return true
		}
	}
	return false
}

func listOf(value any) []string {
	var list []string
	if err := json.Unmarshal([]byte(value.(string)), &list); err != nil {
		panic(err) // thing made it
	}
	return list
}

func order(a, b any) int {
	switch a := a.(type) {
	case int64:
		return cmp.Compare(a, b.(int64))
	case float64:
		return cmp.Compare(a, b.(float64))
	}
	return cmp.Compare(a.(string), b.(string))
}

// page returns what a Select must give.
func (m *model) page(q *store.Select) []store.Version {
	before := func(a, b store.Version) int {
		n := 0
		if q.Table == things {
			n = order(a.Values[number], b.Values[number])
		}
		if n == 0 {
			n = cmp.Compare(a.Change, b.Change)
		}
		if !q.Ascending {
			n = -n
		}
		return n
	}
	list := m.rows(&q.Filter)
	slices.SortFunc(list, before)
	var page []store.Version
	for _, v := range list {
		if q.After != nil {
			last := store.Version{Change: q.After.Change, Values: []any{"", q.After.Order}}
			if before(v, last) <= 0 {
				continue
			}
		}
		if len(page) < q.Limit {
			page = append(page, v)
		}
	}
	return page
}

// groups returns what a Grouping must give, as text: values in quotes, and the count.
func (m *model) groups(g *store.Grouping) []string {
	counts := map[string]uint64{}
	values := map[string][]any{}
	for _, v := range m.rows(&g.Filter) {
		combined := [][]any{nil}
		for _, by := range g.By {
			var more [][]any
			for _, c := range combined {
				for _, value := range groupsOf(v.Values[by.Column], by) {
					more = append(more, append(slices.Clone(c), value))
				}
			}
			combined = more
		}
		for _, c := range combined {
			counts[fmt.Sprintf("%#v", c)]++
			values[fmt.Sprintf("%#v", c)] = c
		}
	}
	var names []string
	for n := range counts {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		for i := range values[a] {
			if n := order(values[a][i], values[b][i]); n != 0 {
				return n
			}
		}
		return 0
	})
	for i, n := range names {
		names[i] = fmt.Sprintf("%s: %d", n, counts[n])
	}
	return names
}

func textOf(groups []store.Group) []string {
	var list []string
	for _, g := range groups {
		if len(g.Values) == 0 {
			g.Values = nil
		}
		list = append(list, fmt.Sprintf("%#v: %d", g.Values, g.Count))
	}
	return list
}

// groupsOf returns in which groups a value is.
func groupsOf(value any, by store.By) []any {
	if by.Column == tags {
		var different []any
		for _, e := range listOf(value) {
			if !slices.Contains(different, any(e)) {
				different = append(different, e)
			}
		}
		if different == nil {
			different = []any{""}
		}
		return different
	}
	if by.Bucket.Unit == "" || value == "" {
		return []any{value}
	}
	t, err := time.Parse(time.RFC3339Nano, value.(string))
	if err != nil {
		panic(err) // thing made it
	}
	zone := by.Bucket.Zone
	if zone == nil {
		zone = time.UTC
	}
	year, month, day := t.In(zone).Date()
	first := time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	for by.Bucket.Unit == store.Week && first.Weekday() != time.Monday || by.Bucket.Unit == store.Month && first.Day() != 1 {
		first = first.Add(-24 * time.Hour)
	}
	return []any{first.Format("2006-01-02")}
}
