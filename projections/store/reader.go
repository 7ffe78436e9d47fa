package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// Reader reads the database of a directory while another connection, in this
// process or another, writes to it. When another file takes its name ([Replace]),
// it goes on with that. It is safe for concurrent use.
type Reader struct {
	dir    string
	name   string
	layout Layout

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

// NewReader returns a Reader of the database in dir.
func NewReader(dir string, layout Layout) *Reader { return NewNamedReader(dir, FileName, layout) }

// NewNamedReader returns a Reader of another database than the live one.
func NewNamedReader(dir, name string, layout Layout) *Reader {
	return &Reader{dir: dir, name: name, layout: layout}
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
func (r *Reader) acquire(ctx context.Context) (*pool, error) {
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
	inner, err := sqlite.NewConnector("file:" + path + "?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(10000)&_pragma=cache_size(-16384)")
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

func (r *Reader) release(p *pool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.users--; p.users == 0 && p.old {
		p.db.Close()
	}
}

// Close closes all connections.
func (r *Reader) Close() error {
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

// Snapshot is one state of the database, however much is written meanwhile.
type Snapshot struct {
	tx     *sql.Tx
	layout *Layout
	// Position is how far it has come.
	Position Position
}

// Read calls f with a snapshot, which is good until f returns.
func (r *Reader) Read(ctx context.Context, f func(*Snapshot) error) error {
	for tries := 0; ; tries++ {
		err := r.read(ctx, f)
		if errors.Is(err, errReplaced) && tries < 10 {
			continue
		}
		if errors.Is(err, os.ErrNotExist) {
			err = hinted{none{fmt.Errorf("there are no views in %s yet", r.dir)}, "the node makes them when it runs; saksi rebuild does too"}
		}
		if errors.Is(err, ErrOther) {
			err = hinted{err, "run the node of this version, or saksi rebuild"}
		}
		return explain(err)
	}
}

// none is an [os.ErrNotExist] in words of its own.
type none struct{ error }

func (none) Is(target error) bool { return target == os.ErrNotExist }

func (r *Reader) read(ctx context.Context, f func(*Snapshot) error) error {
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
	s := &Snapshot{tx: tx, layout: &r.layout}
	if s.Position, err = position(ctx, tx); err != nil {
		return err
	}
	return f(s)
}

// Versions calls f for the versions that a Select asks for, in its order.
func (s *Snapshot) Versions(ctx context.Context, q *Select, f func(Version) error) error {
	t := &s.layout.Tables[q.Table]
	early, err := s.early(ctx, q)
	if err != nil {
		return err
	}
	query, args, err := t.statement(early, t.selected())
	if err != nil {
		return err
	}
	return t.each(ctx, s.tx, query, args, f)
}

// earlyPart is of which part of all changes a query must be for it to go through
// them, rather than through an index that holds all later ones too.
const earlyPart = 32

// early returns the Select with upTo set, where that makes it faster.
func (s *Snapshot) early(ctx context.Context, q *Select) (*Select, error) {
	if q.Newest || slices.ContainsFunc(q.Where, func(w Where) bool { return w.Column == KeyColumn && w.Op == "=" }) {
		return q, nil
	}
	table := quote(s.layout.Tables[q.Table].Name)
	var last uint64
	if err := s.tx.QueryRowContext(ctx, "SELECT ifnull(max(change), 0) FROM "+table).Scan(&last); err != nil {
		return nil, explain(err)
	}
	// Changes are in the order of leaves, and numbered by them.
	visible := FirstChange(q.AsOf) - 1
	if visible == 0 || visible > last/earlyPart {
		return q, nil
	}
	// A leaf with more changes than it has numbers takes those of the next.
	var next uint64
	err := s.tx.QueryRowContext(ctx, "SELECT from_leaf FROM "+table+" WHERE change > ? ORDER BY change LIMIT 1", int64(visible)).Scan(&next)
	if err != nil || next < q.AsOf {
		return q, explain(err)
	}
	early := *q
	early.upTo = visible
	return &early, nil
}

// Count returns how many versions a Select asks for, whatever its limit.
func (s *Snapshot) Count(ctx context.Context, q Select) (n uint64, err error) {
	q.Limit, q.After = 0, nil
	early, err := s.early(ctx, &q)
	if err != nil {
		return 0, err
	}
	query, args, err := s.layout.Tables[q.Table].statement(early, "count(*)")
	if err != nil {
		return 0, err
	}
	err = s.tx.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, explain(err)
}

// Plan returns how SQLite goes about a Select, a line each step.
func (s *Snapshot) Plan(ctx context.Context, q *Select) ([]string, error) {
	t := &s.layout.Tables[q.Table]
	query, args, err := t.statement(q, t.selected())
	if err != nil {
		return nil, err
	}
	rows, err := s.tx.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
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
func (s *Snapshot) ByKey(ctx context.Context, table int, asOf uint64, f func(Version) error) error {
	t := &s.layout.Tables[table]
	query := fmt.Sprintf("SELECT %s FROM %s WHERE from_leaf < ? AND (to_leaf IS NULL OR to_leaf >= ?) AND kind <> %d ORDER BY key, change",
		t.selected(), quote(t.Name), Ended)
	return t.each(ctx, s.tx, query, []any{int64(asOf), int64(asOf)}, f)
}

// Changes calls f for the versions after a change, ends included, in their order.
func (s *Snapshot) Changes(ctx context.Context, table int, after uint64, limit int, f func(Version) error) error {
	t := &s.layout.Tables[table]
	query := fmt.Sprintf("SELECT %s FROM %s WHERE change > ? ORDER BY change LIMIT ?", t.selected(), quote(t.Name))
	return t.each(ctx, s.tx, query, []any{int64(min(after, 1<<63-1)), int64(limit)}, f)
}

// Now returns the time at a leaf.
func (s *Snapshot) Now(ctx context.Context, leaf uint64) (time.Time, error) {
	var now string
	if err := s.tx.QueryRowContext(ctx, "SELECT now FROM leaf WHERE leaf = ?", int64(leaf)).Scan(&now); err != nil {
		return time.Time{}, fmt.Errorf("the time at leaf %d: %w", leaf, explain(err))
	}
	return ParseTime(now)
}

// Root returns the root of the tree of a size, and whether it is known.
func (s *Snapshot) Root(ctx context.Context, size uint64) (root [32]byte, ok bool, err error) {
	if size == s.Position.Size {
		return s.Position.Root, true, nil
	}
	var b []byte
	err = s.tx.QueryRowContext(ctx, "SELECT root FROM position WHERE size = ?", int64(size)).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return root, false, nil
	}
	copy(root[:], b)
	return root, err == nil, explain(err)
}
