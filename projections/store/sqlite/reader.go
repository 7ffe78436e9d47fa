package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/saksi-ledger/saksi/ledger/paths"
	"github.com/saksi-ledger/saksi/projections/store"
)

// reader reads the database that has a name in a directory while another connection,
// in this process or another, writes to it. When another file takes the name, it goes on
// with that.
type reader struct {
	dir    string
	name   string
	layout store.Layout

	mu   sync.Mutex // guards the below
	pool *pool      // nil until first used
}

// pool is the connections to one file.
type pool struct {
	db    *sql.DB
	file  os.FileInfo
	users int
	old   bool // to be closed by its last user
}

var errReplaced = errors.New("another file took the database's name")

// connector opens connections to one file: where another has taken its name, none.
type connector struct {
	driver.Connector
	dir, name string
	file      os.FileInfo
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	unlock, err := lockNames(c.dir, false)
	if err != nil {
		return nil, err
	}
	defer unlock()
	now, err := os.Stat(filepath.Join(c.dir, c.name))
	if err != nil {
		return nil, err
	}
	if !os.SameFile(now, c.file) {
		return nil, errReplaced
	}
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	// The files beside it are opened with the first read.
	if rows, err := conn.(driver.QueryerContext).QueryContext(ctx, "SELECT count(*) FROM sqlite_master", nil); err != nil {
		conn.Close()
		return nil, err
	} else if err := errors.Join(rows.Next(make([]driver.Value, 1)), rows.Close()); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// acquire returns the connections to the file that has the name now.
func (r *reader) acquire(ctx context.Context) (*pool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := filepath.Join(r.dir, r.name)
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if r.pool != nil && os.SameFile(file, r.pool.file) {
		r.pool.users++
		return r.pool, nil
	}
	inner, err := sqlite.NewConnector(paths.SQLite(path, "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(10000)&_pragma=cache_size(-16384)"))
	if err != nil {
		return nil, err
	}
	p := &pool{file: file, users: 1}
	p.db = sql.OpenDB(&connector{Connector: inner, dir: r.dir, name: r.name, file: file})
	p.db.SetMaxOpenConns(8)
	p.db.SetMaxIdleConns(4)
	if err := checkStamp(ctx, p.db, r.layout.Stamp); err != nil {
		p.db.Close()
		return nil, err
	}
	if r.pool != nil {
		r.pool.old = true
		if r.pool.users == 0 {
			r.pool.db.Close()
		}
	}
	r.pool = p
	return p, nil
}

func (r *reader) release(p *pool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.users--; p.users == 0 && p.old {
		p.db.Close()
	}
}

// Close closes all connections.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pool == nil {
		return nil
	}
	p := r.pool
	r.pool, p.old = nil, true
	if p.users > 0 {
		return nil
	}
	return p.db.Close()
}

// snapshot is a transaction that reads.
type snapshot struct {
	tx       *sql.Tx
	layout   *store.Layout
	position store.Position
}

// Read calls f with a snapshot.
func (r *reader) Read(ctx context.Context, f func(store.Snapshot) error) error {
	for tries := 0; ; tries++ {
		err := r.read(ctx, f)
		if errors.Is(err, errReplaced) && tries < 10 {
			continue
		}
		if errors.Is(err, os.ErrNotExist) {
			err = store.None(r.dir)
		}
		if errors.Is(err, store.ErrOther) {
			err = store.Other(err)
		}
		return explain(err)
	}
}

func (r *reader) read(ctx context.Context, f func(store.Snapshot) error) error {
	p, err := r.acquire(ctx)
	if err != nil {
		return err
	}
	defer r.release(p)
	tx, err := p.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	s := &snapshot{tx: tx, layout: &r.layout}
	if s.position, err = position(ctx, tx); err != nil {
		return err
	}
	return f(s)
}

func (s *snapshot) Position() store.Position { return s.position }

// Versions calls f for the versions that a Select asks for, in its order.
func (s *snapshot) Versions(ctx context.Context, q *store.Select, f func(store.Version) error) error {
	query, err := s.paged(ctx, q)
	if err != nil {
		return err
	}
	return each(ctx, &s.layout.Tables[q.Table], s.tx, query.String(), query.args, f)
}

func (s *snapshot) paged(ctx context.Context, q *store.Select) (*statement, error) {
	if q.Limit < 1 {
		return nil, fmt.Errorf("a page of %d rows: want at least 1", q.Limit)
	}
	t := &s.layout.Tables[q.Table]
	query, err := s.filtered(ctx, &q.Filter, selected(t))
	if err != nil {
		return nil, err
	}
	query.page(t, q)
	return query, nil
}

// filtered returns the fastest statement that it knows.
func (s *snapshot) filtered(ctx context.Context, q *store.Filter, what string) (*statement, error) {
	t := &s.layout.Tables[q.Table]
	if err := t.Check(q); err != nil {
		return nil, err
	}
	upTo, err := s.upTo(ctx, q)
	if err != nil {
		return nil, err
	}
	return filtered(t, q, upTo, what)
}

// earlyPart is of which part of all changes a query must be for it to go through
// them, rather than through an index that holds all later ones too.
const earlyPart = 32

// upTo returns the last change that can be visible, where to go through all changes
// before it is faster than an index, and 0 where it isn't.
func (s *snapshot) upTo(ctx context.Context, q *store.Filter) (uint64, error) {
	if q.Newest || slices.ContainsFunc(q.Where, func(w store.Where) bool { return w.Column == store.KeyColumn && w.Op == store.Equal }) {
		return 0, nil
	}
	table := quote(s.layout.Tables[q.Table].Name)
	var last uint64
	if err := s.tx.QueryRowContext(ctx, "SELECT ifnull(max(change), 0) FROM "+table).Scan(&last); err != nil {
		return 0, explain(err)
	}
	// Changes are in the order of leaves, and numbered by them.
	visible := store.FirstChange(q.AsOf) - 1
	if visible == 0 || visible > last/earlyPart {
		return 0, nil
	}
	// A leaf with more changes than it has numbers takes those of the next.
	var next uint64
	err := s.tx.QueryRowContext(ctx, "SELECT from_leaf FROM "+table+" WHERE change > ? ORDER BY change LIMIT 1", int64(visible)).Scan(&next)
	if err != nil || next < q.AsOf {
		return 0, explain(err)
	}
	return visible, nil
}

// Count returns how many versions satisfy a filter.
func (s *snapshot) Count(ctx context.Context, q *store.Filter) (n uint64, err error) {
	query, err := s.filtered(ctx, q, "count(*)")
	if err != nil {
		return 0, err
	}
	err = s.tx.QueryRowContext(ctx, query.String(), query.args...).Scan(&n)
	return n, explain(err)
}

// Groups counts the versions that satisfy a filter by what their columns hold.
func (s *snapshot) Groups(ctx context.Context, g *store.Grouping) ([]store.Group, error) {
	t := &s.layout.Tables[g.Table]
	counter, err := store.NewCounter(t, g.By)
	if err != nil {
		return nil, err
	}
	what, places := "count(*)", make([]string, len(g.By))
	for i, by := range g.By {
		what += ", " + grouped(t, by)
		places[i] = strconv.Itoa(i + 2)
	}
	query, err := s.filtered(ctx, &g.Filter, what)
	if err != nil {
		return nil, err
	}
	if len(g.By) > 0 {
		query.WriteString(" GROUP BY " + strings.Join(places, ", "))
	}
	rows, err := s.tx.QueryContext(ctx, query.String(), query.args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var n uint64
	values := make([]any, len(g.By))
	into := []any{&n}
	for i := range values {
		into = append(into, &values[i])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, explain(err)
		}
		if n == 0 { // all there is of no rows, where they are not grouped
			continue
		}
		if err := counter.Add(values, n); err != nil {
			return nil, err
		}
	}
	return counter.Groups(), explain(rows.Err())
}

// Plan returns how SQLite goes about a Select, a line each step.
func (s *snapshot) Plan(ctx context.Context, q *store.Select) ([]string, error) {
	query, err := s.paged(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := s.tx.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query.String(), query.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}

// ByKey calls f for all versions visible as of a size, in the order of their keys'
// bytes.
func (s *snapshot) ByKey(ctx context.Context, table int, asOf uint64, f func(store.Version) error) error {
	t := &s.layout.Tables[table]
	query := fmt.Sprintf("SELECT %s FROM %s WHERE from_leaf < ? AND (to_leaf IS NULL OR to_leaf >= ?) AND kind <> %d ORDER BY key, change",
		selected(t), quote(t.Name), store.Ended)
	return each(ctx, t, s.tx, query, []any{int64(asOf), int64(asOf)}, f)
}

// Changes calls f for the versions after a change, ends included, in their order.
func (s *snapshot) Changes(ctx context.Context, table int, after uint64, limit int, f func(store.Version) error) error {
	t := &s.layout.Tables[table]
	query := fmt.Sprintf("SELECT %s FROM %s WHERE change > ? ORDER BY change LIMIT ?", selected(t), quote(t.Name))
	return each(ctx, t, s.tx, query, []any{int64(min(after, 1<<63-1)), int64(limit)}, f)
}

// Now returns the time at a leaf.
func (s *snapshot) Now(ctx context.Context, leaf uint64) (time.Time, error) {
	var now string
	if err := s.tx.QueryRowContext(ctx, "SELECT now FROM _leaf WHERE leaf = ?", int64(leaf)).Scan(&now); err != nil {
		return time.Time{}, fmt.Errorf("the time at leaf %d: %w", leaf, explain(err))
	}
	return store.ParseTime(now)
}

// Root returns the root of the tree of a size, and whether it is known.
func (s *snapshot) Root(ctx context.Context, size uint64) (root [32]byte, ok bool, err error) {
	if size == s.position.Size {
		return s.position.Root, true, nil
	}
	var b []byte
	err = s.tx.QueryRowContext(ctx, "SELECT root FROM _position WHERE size = ?", int64(size)).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return root, false, nil
	}
	copy(root[:], b)
	return root, err == nil, explain(err)
}
