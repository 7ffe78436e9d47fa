package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/projections/store"
)

// snapshot is a generation as it was when it was taken.
type snapshot struct {
	layout   *store.Layout
	position store.Position
	roots    []root
	nows     []time.Time
	tables   [][]*version
}

func (s *snapshot) Position() store.Position { return s.position }

func (s *snapshot) Versions(ctx context.Context, q *store.Select, f func(store.Version) error) error {
	if err := checkPage(q.Limit); err != nil {
		return err
	}
	found, err := s.find(&q.Filter)
	if err != nil {
		return err
	}
	order := s.layout.Tables[q.Table].Order
	place := func(v *version) store.Place {
		p := store.Place{Change: v.Change}
		if order >= 0 {
			p.Order = v.Values[order]
		}
		return p
	}
	compare := func(a, b store.Place) int {
		n := cmp.Compare(a.Change, b.Change)
		if order >= 0 {
			if by := store.Compare(a.Order, b.Order); by != 0 {
				n = by
			}
		}
		if !q.Ascending {
			n = -n
		}
		return n
	}
	slices.SortFunc(found, func(a, b *version) int { return compare(place(a), place(b)) })
	sent := 0
	for _, v := range found {
		if q.After != nil && compare(place(v), *q.After) <= 0 {
			continue
		}
		if sent++; sent > q.Limit {
			return nil
		}
		if err := send(ctx, v, f); err != nil {
			return err
		}
	}
	return nil
}

func checkPage(limit int) error {
	if limit < 1 {
		return fmt.Errorf("a page of %d rows: want at least 1", limit)
	}
	return nil
}

func send(ctx context.Context, v *version, f func(store.Version) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sent := v.Version
	sent.Values = slices.Clone(sent.Values)
	return f(sent)
}

func (s *snapshot) Count(_ context.Context, q *store.Filter) (uint64, error) {
	found, err := s.find(q)
	return uint64(len(found)), err
}

func (s *snapshot) Groups(_ context.Context, g *store.Grouping) ([]store.Group, error) {
	found, err := s.find(&g.Filter)
	if err != nil {
		return nil, err
	}
	counter, err := store.NewCounter(&s.layout.Tables[g.Table], g.By)
	if err != nil {
		return nil, err
	}
	values := make([]any, len(g.By))
	for _, v := range found {
		for i, by := range g.By {
			values[i] = v.Values[by.Column]
		}
		if err := counter.Add(values, 1); err != nil {
			return nil, err
		}
	}
	return counter.Groups(), nil
}

func (s *snapshot) ByKey(ctx context.Context, table int, asOf uint64, f func(store.Version) error) error {
	found, err := s.find(&store.Filter{Table: table, AsOf: asOf})
	if err != nil {
		return err
	}
	slices.SortStableFunc(found, func(a, b *version) int { return cmp.Compare(a.Key, b.Key) })
	for _, v := range found {
		if err := send(ctx, v, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) Changes(ctx context.Context, table int, after uint64, limit int, f func(store.Version) error) error {
	versions := s.tables[table]
	first := sort.Search(len(versions), func(i int) bool { return versions[i].Change > after })
	for _, v := range versions[first:][:min(limit, len(versions)-first)] {
		if err := send(ctx, v, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) Now(_ context.Context, leaf uint64) (time.Time, error) {
	if leaf >= uint64(len(s.nows)) {
		return time.Time{}, fmt.Errorf("the time at leaf %d: there are %d leaves", leaf, len(s.nows))
	}
	return s.nows[leaf], nil
}

func (s *snapshot) Root(_ context.Context, size uint64) (known [32]byte, ok bool, err error) {
	for _, r := range slices.Backward(s.roots) {
		if r.size == size {
			return r.root, true, nil
		}
	}
	return known, false, nil
}

// find returns the versions that satisfy a filter, in the order of their changes.
func (s *snapshot) find(q *store.Filter) ([]*version, error) {
	t := &s.layout.Tables[q.Table]
	if err := t.Check(q); err != nil {
		return nil, err
	}
	asOf := q.AsOf
	if q.Newest {
		asOf = s.position.Size
	}
	var found []*version
	for _, v := range s.tables[q.Table] {
		if !v.visible(asOf) {
			continue
		}
		ok, err := satisfies(t, v, q)
		if err != nil {
			return nil, fmt.Errorf("row %q: %w", v.Key, err)
		}
		if ok {
			found = append(found, v)
		}
	}
	return found, nil
}

func satisfies(t *store.Table, v *version, q *store.Filter) (bool, error) {
	for _, w := range q.Where {
		ok, err := holds(t, v, w)
		if !ok || err != nil {
			return false, err
		}
	}
	for _, a := range q.Within {
		texts := make([]string, len(a.Columns))
		for i, c := range a.Columns {
			texts[i] = v.Values[c].(string)
		}
		if !slices.Contains(a.Values, strings.Join(texts, "/")) {
			return false, nil
		}
	}
	return true, nil
}

func holds(t *store.Table, v *version, w store.Where) (bool, error) {
	var value any
	switch w.Column {
	case store.KeyColumn:
		value = v.Key
	case store.FromColumn:
		value = int64(v.From)
	default:
		value = v.Values[w.Column]
		if t.Columns[w.Column].Type == store.List {
			return listHolds(value.(string), w)
		}
	}
	if w.Op == store.Contains {
		return strings.Contains(lower(value.(string)), lower(w.Value.(string))), nil
	}
	n := store.Compare(value, w.Value)
	switch w.Op {
	case store.Equal:
		return n == 0, nil
	case store.NotEqual:
		return n != 0, nil
	case store.More:
		return n > 0, nil
	case store.MoreOrEqual:
		return n >= 0, nil
	}
	return (n < 0 || n == 0 && w.Op == store.LessOrEqual) && !(w.NotEmpty && value == ""), nil
}

func listHolds(list string, w store.Where) (bool, error) {
	var elements []string
	if err := json.Unmarshal([]byte(list), &elements); err != nil {
		return false, err
	}
	switch w.Op {
	case store.Equal:
		return slices.Contains(elements, w.Value.(string)), nil
	case store.NotEqual:
		return !slices.Contains(elements, w.Value.(string)), nil
	}
	return slices.ContainsFunc(elements, func(e string) bool { return strings.Contains(lower(e), lower(w.Value.(string))) }), nil
}

// lower is strings.ToLower for ASCII letters alone.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
