package projections

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/projections/store"
)

// reading is what of a database views look things up in.
type reading interface {
	Current(ctx context.Context, table int, key string) (*store.Version, error)
	State(ctx context.Context, state int, key string) ([]byte, error)
	LastChange(ctx context.Context, table int) (uint64, error)
}

// mostCached is how many keys of a table or state are remembered from batch to batch.
const mostCached = 1 << 16

// rows is a table as one engine's view writes it: what was put in this leaf, the
// versions made in this batch, and remembered current rows.
type rows struct {
	s     *schema
	place int // in the layout
	db    reading

	most     int    // keys in cache from batch to batch
	last     uint64 // change number
	cache    map[string]*entry
	complete bool // whoever isn't in cache has no row
	batch    uint64

	touched  []*entry   // in this leaf, in order of first put
	versions []*version // of this batch
	ends     []store.End
	appended []*entry // in this batch, and not in cache
	mapped   bool     // appended entries go into cache, since something is looked up
}

// entry is a key and its current row.
type entry struct {
	key     string
	before  any      // the row when this leaf began, or nil
	now     any      // the row, or nil
	change  uint64   // of the version of before
	version *version // the same, if it is of this batch
	touched bool     // in this leaf
	used    uint64   // the batch in which it was last looked at
}

// version is one to be inserted. Rows that end in the batch that made them are
// inserted ended.
type version struct {
	entry  *entry
	change uint64
	kind   int
	from   uint64
	to     uint64 // leaf, or 0 while it holds
	row    any
}

func newRows(ctx context.Context, s *schema, place int, db reading, most int) (*rows, error) {
	last, err := db.LastChange(ctx, place)
	if err != nil {
		return nil, fmt.Errorf("read the last change of %s: %w", s.name, err)
	}
	return &rows{s: s, place: place, db: db, most: most, last: last, cache: map[string]*entry{}, complete: last == 0}, nil
}

// find returns the entry of a key, looking it up if need be.
func (r *rows) find(ctx context.Context, key string) (*entry, error) {
	if !r.mapped {
		r.mapped = true
		for _, e := range r.appended {
			r.cache[e.key] = e
		}
		r.appended = nil
	}
	e := r.cache[key]
	if e == nil {
		e = &entry{key: key}
		if !r.complete {
			v, err := r.db.Current(ctx, r.place, key)
			if err != nil {
				return nil, fmt.Errorf("table %s: %w", r.s.name, err)
			}
			if v != nil {
				row, err := r.s.decode(v.Values)
				if err != nil {
					return nil, fmt.Errorf("table %s: row %q: %w", r.s.name, key, err)
				}
				e.now, e.before, e.change = row, row, v.Change
			}
		}
		r.cache[key] = e
	}
	e.used = r.batch
	return e, nil
}

// set makes row, or nil, the entry's.
func (r *rows) set(e *entry, row any) {
	if !e.touched {
		e.touched = true
		r.touched = append(r.touched, e)
	}
	e.now = row
}

// append adds a row with a key that is new. It reports whether it is, as far as
// that is known without looking.
func (r *rows) append(key string, row any) bool {
	e := &entry{key: key, now: row, touched: true, used: r.batch}
	if r.mapped {
		if old := r.cache[key]; old != nil && (old.now != nil || old.before != nil) {
			return false
		}
		r.cache[key] = e
	} else {
		r.complete = false
		r.appended = append(r.appended, e)
	}
	r.touched = append(r.touched, e)
	return true
}

// endLeaf makes versions of what changed in a leaf.
func (r *rows) endLeaf(leaf uint64) {
	for _, e := range r.touched {
		e.touched = false
		var kind int
		row := e.now
		switch {
		case e.before == nil && e.now == nil:
			continue
		case e.before == nil:
			kind = store.Added
		case e.now == nil:
			kind, row = store.Ended, e.before
		case r.s.equal(e.before, e.now):
			e.now = e.before
			continue
		default:
			kind = store.Changed
		}
		if e.before != nil {
			if e.version != nil {
				e.version.to = leaf
			} else {
				r.ends = append(r.ends, store.End{Change: e.change, Leaf: leaf})
			}
		}
		r.last = max(r.last+1, store.FirstChange(leaf))
		v := &version{entry: e, change: r.last, kind: kind, from: leaf, row: row}
		if kind == store.Ended {
			v.to = leaf
		}
		r.versions = append(r.versions, v)
		e.before, e.change, e.version = e.now, r.last, v
		if e.now == nil {
			e.change, e.version = 0, nil
		}
	}
	r.touched = r.touched[:0]
}

// write returns what a commit must write.
func (r *rows) write() store.Versions {
	return store.Versions{
		New:  len(r.versions),
		Ends: r.ends,
		Version: func(values []any, i int) (store.NewVersion, error) {
			v := r.versions[i]
			values, err := r.s.encode(values, v.row)
			if err != nil {
				return store.NewVersion{}, fmt.Errorf("row %q of leaf %d: %w", v.entry.key, v.from, err)
			}
			return store.NewVersion{
				Version: store.Version{Change: v.change, Key: v.entry.key, Kind: v.kind, From: v.from, Values: values}, To: v.to,
			}, nil
		},
	}
}

// committed forgets what was written, and what was not looked at lately if there is
// too much.
func (r *rows) committed() {
	for _, v := range r.versions {
		v.entry.version = nil
	}
	clear(r.versions)
	r.versions, r.ends, r.appended = r.versions[:0], nil, nil
	if len(r.cache) > r.most {
		r.complete = false
		for key, e := range r.cache {
			if e.used != r.batch || len(r.cache) > 2*r.most {
				delete(r.cache, key)
			}
			if len(r.cache) <= r.most*3/4 {
				break
			}
		}
	}
	r.batch++
}
