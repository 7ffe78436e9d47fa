package projections

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/projections/store"
)

// Store answers queries from what an [Engine] writes to the same backend, in this process
// or, if the backend is shared, another, while it writes. It is safe for concurrent use,
// and follows when a rebuilt generation takes the place of the one that it reads.
type Store struct {
	catalog *catalog
	reader  store.Reader
}

// OpenStore opens the views that a backend keeps for reading. The views must be those
// that the engine has. That there are no rows yet is an error of queries.
func OpenStore(ctx context.Context, backend store.Backend, views []*View) (*Store, error) {
	c, err := newCatalog(views)
	if err != nil {
		return nil, err
	}
	return &Store{catalog: c, reader: backend.Reader(c.layout)}, nil
}

// Close closes the store.
func (s *Store) Close() error { return s.reader.Close() }

// Views returns the views it was opened with.
func (s *Store) Views() []*View { return slices.Clone(s.catalog.views) }

// Position returns how far the views have come.
func (s *Store) Position(ctx context.Context) (p Position, err error) {
	err = s.reader.Read(ctx, func(snapshot store.Snapshot) error {
		p = positionOf(snapshot.Position())
		return nil
	})
	return p, err
}

func positionOf(p store.Position) Position {
	root := tlog.Hash(p.Root)
	if p.Size == 0 {
		root = emptyRoot()
	}
	return Position{Size: p.Size, Root: root, Now: p.Now, WithoutBody: p.WithoutBody}
}

// view returns a view and its first table.
func (s *Store) view(name string) (*View, *schema, error) {
	v := s.catalog.byName[name]
	if v == nil {
		var names []string
		for _, v := range s.catalog.views {
			names = append(names, v.Name)
		}
		return nil, nil, &QueryError{Problem: fmt.Sprintf("there is no view %.80q", name), hint: "there are " + strings.Join(names, ", ")}
	}
	return v, v.Tables[0].schema(), nil
}

// Columns returns the columns of a view.
func (s *Store) Columns(view string) ([]Column, error) {
	_, sch, err := s.view(view)
	if err != nil {
		return nil, err
	}
	return sch.public(), nil
}

const (
	defaultLimit = 100
	maxLimit     = 1000
	maxWhere     = 32
)

// Check returns what is wrong with a query, a [*QueryError], without asking it.
func (s *Store) Check(view string, q Query) error {
	_, err := s.selecting(view, q)
	return err
}

// selection is a query against a table.
type selection struct {
	schema *schema
	sel    store.Select
	cursor *cursor // nil on the first page
	query  string
}

func (s *Store) selecting(view string, q Query) (*selection, error) {
	v, sch, err := s.view(view)
	if err != nil {
		return nil, err
	}
	if q.Limit < 0 || q.Limit > maxLimit {
		return nil, &QueryError{Problem: fmt.Sprintf("a page of %d rows: want 1 to %d", q.Limit, maxLimit)}
	}
	if len(q.Where) > maxWhere {
		return nil, &QueryError{Problem: fmt.Sprintf("%d conditions: the most is %d", len(q.Where), maxWhere)}
	}
	limit := q.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	// One more than asked for tells whether there is a next page.
	p := &selection{schema: sch, sel: store.Select{Filter: store.Filter{Table: s.catalog.tables[sch]}, Ascending: q.Ascending, Limit: limit + 1}, query: q.fingerprint(v)}
	for _, c := range q.Where {
		w, err := sch.where(c)
		if err != nil {
			return nil, err
		}
		p.sel.Where = append(p.sel.Where, w...)
	}
	for _, a := range q.Within {
		w, err := sch.among(a)
		if err != nil {
			return nil, err
		}
		p.sel.Within = append(p.sel.Within, w)
	}
	if q.Cursor != "" {
		if p.cursor, err = parseCursor(q.Cursor, p.query); err != nil {
			return nil, err
		}
		p.sel.After = p.cursor.place(sch)
	}
	return p, nil
}

// Rows answers a query. What is wrong with the query is a [*QueryError].
func (s *Store) Rows(ctx context.Context, view string, q Query) (Page, error) {
	p, err := s.selecting(view, q)
	if err != nil {
		return Page{}, err
	}
	page := Page{Columns: p.schema.public(), Rows: []Row{}}
	naming := s.namingFor(p.schema)
	page.Columns = ShownColumns(s.catalog.views, page.Columns)
	err = s.reader.Read(ctx, func(snapshot store.Snapshot) error {
		if err := p.fill(ctx, snapshot, q, &page); err != nil || naming == nil {
			return err
		}
		return s.nameFacilities(ctx, snapshot, naming, &page)
	})
	if err != nil {
		return Page{}, whileReading(view, err)
	}
	return page, nil
}

// whileReading says which view was read where an error isn't the asker's.
func whileReading(view string, err error) error {
	var q *QueryError
	if errors.As(err, &q) {
		return err
	}
	return fmt.Errorf("read view %s: %w", view, err)
}

// fill is called again where the database was replaced meanwhile.
func (p *selection) fill(ctx context.Context, snapshot store.Snapshot, q Query, page *Page) (err error) {
	size := snapshot.Position().Size
	asOf := q.AsOf
	if p.cursor != nil {
		asOf = p.cursor.AsOf
	}
	if asOf > size {
		return &QueryError{Problem: fmt.Sprintf("as of %d leaves: the views have seen %d", asOf, size)}
	}
	if asOf == 0 && p.cursor == nil {
		asOf = size
	}
	sel := p.sel
	sel.AsOf, sel.Newest = asOf, asOf == size
	page.Rows, page.Size, page.Next = page.Rows[:0], asOf, ""
	if page.Root, page.Now, err = at(ctx, snapshot, asOf); err != nil {
		return err
	}
	var last store.Version
	more := false
	err = snapshot.Versions(ctx, &sel, func(v store.Version) error {
		if len(page.Rows) == sel.Limit-1 {
			more = true
			return nil
		}
		row, err := p.schema.decode(v.Values)
		if err != nil {
			return fmt.Errorf("row %q: %w", v.Key, err)
		}
		page.Rows, last = append(page.Rows, Row{Key: v.Key, From: v.From, Value: row, schema: p.schema}), v
		return nil
	})
	if err != nil {
		return err
	}
	if more {
		next := &cursor{Query: p.query, AsOf: asOf}
		next.after(p.schema, &last)
		page.Next = next.String()
	}
	if q.Count {
		n, err := snapshot.Count(ctx, &sel.Filter)
		if err != nil {
			return err
		}
		page.Total = &n
	}
	return nil
}

// at returns root and now of a tree size; the root is zero if it isn't known.
func at(ctx context.Context, snapshot store.Snapshot, size uint64) (root tlog.Hash, now time.Time, err error) {
	if size == 0 {
		return emptyRoot(), now, nil
	}
	if root, _, err = snapshot.Root(ctx, size); err != nil {
		return root, now, err
	}
	now, err = snapshot.Now(ctx, size-1)
	return root, now, err
}

// Get returns the row that a key had as of a tree size, 0 for the newest, and
// whether it had one.
func (s *Store) Get(ctx context.Context, view, key string, asOf uint64) (Row, bool, error) {
	page, err := s.Rows(ctx, view, Query{Where: []Condition{{"key", Equal, key}}, AsOf: asOf, Limit: 1})
	if err != nil || len(page.Rows) == 0 {
		return Row{}, false, err
	}
	return page.Rows[0], true, nil
}

// Changes returns the view's changes in the order of their numbers, those after the
// given one, at most limit (and never more than 1,000, which 0 stands for).
func (s *Store) Changes(ctx context.Context, view string, after uint64, limit int) ([]Change, error) {
	_, sch, err := s.view(view)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > maxLimit {
		limit = maxLimit
	}
	var changes []Change
	err = s.reader.Read(ctx, func(snapshot store.Snapshot) error {
		changes = changes[:0]
		err := snapshot.Changes(ctx, s.catalog.tables[sch], after, limit, func(v store.Version) error {
			row, err := sch.decode(v.Values)
			if err != nil {
				return fmt.Errorf("row %q: %w", v.Key, err)
			}
			c := Change{Number: v.Change, Leaf: v.From, Key: v.Key, Row: row, Kind: Added}
			switch v.Kind {
			case store.Changed:
				c.Kind = Changed
			case store.Ended:
				c.Kind = Ended
			}
			changes = append(changes, c)
			return nil
		})
		for i := range changes {
			if i > 0 && changes[i-1].Leaf == changes[i].Leaf {
				changes[i].Now = changes[i-1].Now
			} else if err == nil {
				changes[i].Now, err = snapshot.Now(ctx, changes[i].Leaf)
			}
		}
		return err
	})
	if err != nil {
		return nil, whileReading(view, err)
	}
	return changes, nil
}

// MarshalJSON writes the row's columns, with key and from_leaf before them.
func (r Row) MarshalJSON() ([]byte, error) {
	row, err := json.Marshal(r.Value)
	if err != nil {
		return nil, err
	}
	if len(row) < 2 || row[0] != '{' {
		return nil, fmt.Errorf("row %q is no JSON object", r.Key)
	}
	head, err := json.Marshal(struct {
		Key  string `json:"key"`
		From uint64 `json:"from_leaf"`
	}{r.Key, r.From})
	if err != nil || bytes.Equal(row, []byte("{}")) {
		return head, err
	}
	head[len(head)-1] = ','
	head = append(head, row[1:]...)
	if r.FacilityName == "" {
		return head, nil
	}
	name, err := json.Marshal(r.FacilityName)
	return slices.Concat(head[:len(head)-1], []byte(`,"`+facilityName.Name+`":`), name, []byte("}")), err
}

// Cells returns the values of a row of a [Page] by the names of their columns.
func (r Row) Cells() map[string]any {
	if r.schema == nil {
		return nil
	}
	cells := make(map[string]any, len(r.schema.columns))
	row := reflect.ValueOf(r.Value).Elem()
	for i := range r.schema.columns {
		cells[r.schema.columns[i].Name] = r.schema.columns[i].at(row).Interface()
	}
	if r.FacilityName != "" {
		cells[facilityName.Name] = r.FacilityName
	}
	return cells
}
