package memory

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/saksi-ledger/saksi/projections/store"
)

// generation is a whole set of rows, and the [store.Writer] of it. Slices only grow, so
// that a snapshot is a copy of their headers.
type generation struct {
	layout store.Layout

	mu       sync.RWMutex // guards the below
	position store.Position
	roots    []root // of the last commits
	nows     []time.Time
	tables   []table
	states   []map[string][]byte
	timers   map[timerKey]time.Time
}

type root struct {
	size uint64
	root [32]byte
}

type timerKey struct{ view, key string }

// table is a table's versions in the order of their changes.
type table struct {
	versions []*version
	current  map[string]*version // the newest of each key
}

// version is one that a snapshot can look at while the writer ends it: that is at a leaf
// that the snapshot doesn't see.
type version struct {
	store.Version
	to atomic.Uint64 // 0 while it holds
}

// visible tells whether a version is one of those as of a size.
func (v *version) visible(asOf uint64) bool {
	to := v.to.Load()
	return v.Kind != store.Ended && v.From < asOf && (to == 0 || to >= asOf)
}

func newGeneration(layout store.Layout) *generation {
	g := &generation{layout: layout, timers: map[timerKey]time.Time{}}
	for range layout.Tables {
		g.tables = append(g.tables, table{current: map[string]*version{}})
	}
	for range layout.States {
		g.states = append(g.states, map[string][]byte{})
	}
	return g
}

func (g *generation) snapshot() *snapshot {
	g.mu.RLock()
	defer g.mu.RUnlock()
	s := &snapshot{layout: &g.layout, position: g.position, roots: g.roots, nows: g.nows}
	for _, t := range g.tables {
		s.tables = append(s.tables, t.versions)
	}
	return s
}

func (g *generation) Position(context.Context) (store.Position, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.position, nil
}

func (g *generation) Timers(context.Context) ([]store.Timer, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	var timers []store.Timer
	for key, due := range g.timers {
		timers = append(timers, store.Timer{View: key.view, Key: key.key, Due: due})
	}
	return timers, nil
}

func (g *generation) LastChange(_ context.Context, table int) (uint64, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.tables[table].last(), nil
}

func (t *table) last() uint64 {
	if len(t.versions) == 0 {
		return 0
	}
	return t.versions[len(t.versions)-1].Change
}

func (g *generation) Current(_ context.Context, table int, key string) (*store.Version, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	v := g.tables[table].current[key]
	if v == nil || v.Kind == store.Ended {
		return nil, nil
	}
	return &v.Version, nil
}

func (g *generation) State(_ context.Context, state int, key string) ([]byte, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Clone(g.states[state][key]), nil
}

// Indexed is true: there are no indexes to make.
func (g *generation) Indexed() bool { return true }

func (g *generation) MakeIndexes(context.Context) error { return nil }

func (g *generation) Close() error { return nil }

// Commit writes a batch.
func (g *generation) Commit(ctx context.Context, b *store.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	made := make([][]*version, len(b.Tables))
	for i := range b.Tables {
		var err error
		if made[i], err = g.make(i, &b.Tables[i]); err != nil {
			return fmt.Errorf("commit views at %d leaves: rows of %s: %w", b.Position.Size, g.layout.Tables[i].Name, err)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(b.Nows) > 0 && b.First != uint64(len(g.nows)) {
		return fmt.Errorf("commit views at %d leaves: times from leaf %d, where there are %d", b.Position.Size, b.First, len(g.nows))
	}
	for i, versions := range made {
		t := &g.tables[i]
		for _, end := range b.Tables[i].Ends {
			if v := t.find(end.Change); v != nil {
				v.to.Store(end.Leaf)
			}
		}
		t.versions = append(t.versions, versions...)
		for _, v := range versions {
			t.current[v.Key] = v
		}
	}
	for i, values := range b.States {
		for _, v := range values {
			if v.JSON == nil {
				delete(g.states[i], v.Key)
			} else {
				g.states[i][v.Key] = slices.Clone(v.JSON)
			}
		}
	}
	for _, t := range b.Timers {
		if t.Due.IsZero() {
			delete(g.timers, timerKey{t.View, t.Key})
		} else {
			g.timers[timerKey{t.View, t.Key}] = t.Due.UTC()
		}
	}
	for _, now := range b.Nows {
		g.nows = append(g.nows, now.UTC())
	}
	g.position = b.Position
	g.position.Now = b.Position.Now.UTC()
	g.position.Frontier = slices.Clone(b.Position.Frontier)
	g.roots = append(g.roots, root{b.Position.Size, b.Position.Root})
	g.roots = g.roots[max(0, len(g.roots)-store.KeptPositions):]
	return nil
}

// make makes the new versions of a table. Only the writer changes tables, so that they
// can be looked at without the lock.
func (g *generation) make(i int, v *store.Versions) ([]*version, error) {
	last := g.tables[i].last()
	versions := make([]*version, v.New)
	for n := range versions {
		made, err := v.Version(nil, n)
		if err != nil {
			return nil, err
		}
		if made.Change <= last {
			return nil, fmt.Errorf("change %d follows %d", made.Change, last)
		}
		last = made.Change
		versions[n] = &version{Version: made.Version}
		versions[n].to.Store(made.To)
	}
	return versions, nil
}

func (t *table) find(change uint64) *version {
	i := sort.Search(len(t.versions), func(i int) bool { return t.versions[i].Change >= change })
	if i == len(t.versions) || t.versions[i].Change != change {
		return nil
	}
	return t.versions[i]
}
