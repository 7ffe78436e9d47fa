package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/saksi-ledger/saksi/ledger/paths"
	"github.com/saksi-ledger/saksi/projections/store"
)

// database is a database open for writing.
//
// Commits are made with synchronous=NORMAL: a power cut can take the last of them
// back, never a part of one, and what it takes is made again from the ledger.
type database struct {
	path   string
	layout store.Layout

	writer *sql.DB
	conn   *sql.Conn // the writer's one connection
	insert map[insertKey]driver.Stmt
	values []driver.NamedValue // what is bound; kept for its memory
	row    []any               // what a version holds; kept for its memory

	readers *sql.DB
	current []*sql.Stmt // of each table, by key
	states  []*sql.Stmt

	mu       sync.Mutex // guards the below
	keyIndex []bool     // which tables have it
	indexed  bool
}

type insertKey struct {
	table string
	rows  int
}

const (
	walPragmas  = "&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=journal_size_limit(67108864)&_pragma=cache_size(-65536)"
	bulkPragmas = "&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=cache_size(-131072)"
	pragmas     = "_pragma=busy_timeout(10000)"
)

// open opens a database for writing, and makes it where there is none. With bulk,
// which is for a copy that nobody else looks at, a crash leaves rubbish, and it has
// no indexes until it is finished.
func open(ctx context.Context, path string, layout store.Layout, bulk bool) (_ *database, err error) {
	db := &database{path: path, layout: layout, insert: map[insertKey]driver.Stmt{}, keyIndex: make([]bool, len(layout.Tables))}
	defer func() {
		if err != nil {
			db.Close()
			err = fmt.Errorf("open views %s: %w", path, explain(err))
		}
	}()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	dsn := paths.SQLite(path, pragmas+walPragmas)
	if bulk {
		dsn = paths.SQLite(path, pragmas+bulkPragmas)
	}
	if db.writer, err = sql.Open("sqlite", dsn); err != nil {
		return nil, err
	}
	db.writer.SetMaxOpenConns(1)
	if db.conn, err = db.writer.Conn(ctx); err != nil {
		return nil, err
	}
	if err := db.ready(ctx); err != nil {
		return nil, err
	}
	if db.readers, err = sql.Open("sqlite", paths.SQLite(path, pragmas+"&mode=ro&_pragma=query_only(1)")); err != nil {
		return nil, err
	}
	db.readers.SetMaxOpenConns(4)
	return db, db.prepare(ctx)
}

// ready makes the tables, or finds that they are there.
func (db *database) ready(ctx context.Context) error {
	var version int
	if err := db.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch version {
	case formatVersion:
	case 0:
		made := fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; INSERT INTO _stamp VALUES (?); COMMIT", declarations(&db.layout), formatVersion)
		if _, err := db.conn.ExecContext(ctx, made, db.layout.Stamp); err != nil {
			return err
		}
	default:
		return fmt.Errorf("version %d of the tables, where this program knows %d: %w", version, formatVersion, store.ErrOther)
	}
	if err := checkStamp(ctx, db.conn, db.layout.Stamp); err != nil {
		return err
	}
	return db.findIndexes(ctx)
}

// querier is a connection, a transaction or a pool.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func checkStamp(ctx context.Context, q querier, want string) error {
	var stamp string
	if err := q.QueryRowContext(ctx, "SELECT text FROM _stamp").Scan(&stamp); err != nil {
		return err
	}
	if stamp != want {
		return store.ErrOther
	}
	return nil
}

func (db *database) findIndexes(ctx context.Context) error {
	var have, want int
	if err := db.conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").Scan(&have); err != nil {
		return err
	}
	for i, t := range db.layout.Tables {
		want += len(indexes(&t))
		err := db.conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name = ?", t.Name+".key").Scan(&db.keyIndex[i])
		if err != nil {
			return err
		}
	}
	db.indexed = have >= want
	return nil
}

// Indexed tells whether all indexes are there.
func (db *database) Indexed() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.indexed
}

// MakeIndexes makes the indexes that are missing. On many rows it takes a while,
// and is much faster than to insert them with the indexes there.
func (db *database) MakeIndexes(ctx context.Context) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.indexed {
		return nil
	}
	for i, t := range db.layout.Tables {
		for _, statement := range indexes(&t) {
			if _, err := db.conn.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("index the rows of %s: %w", t.Name, explain(err))
			}
		}
		db.keyIndex[i] = true
	}
	db.indexed = true
	return nil
}

// needKeyIndex makes the one index that looking rows up by key needs.
func (db *database) needKeyIndex(ctx context.Context, table int) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.keyIndex[table] {
		return nil
	}
	if _, err := db.conn.ExecContext(ctx, keyIndex(&db.layout.Tables[table])); err != nil {
		return err
	}
	db.keyIndex[table] = true
	return nil
}

func (db *database) prepare(ctx context.Context) error {
	for _, t := range db.layout.Tables {
		s, err := db.readers.PrepareContext(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE key = ? ORDER BY change DESC LIMIT 1", selected(&t), quote(t.Name)))
		if err != nil {
			return err
		}
		db.current = append(db.current, s)
	}
	for _, name := range db.layout.States {
		s, err := db.readers.PrepareContext(ctx, fmt.Sprintf("SELECT value FROM %s WHERE key = ?", quote(name)))
		if err != nil {
			return err
		}
		db.states = append(db.states, s)
	}
	return nil
}

// finish makes a bulk copy whole: indexes, write-ahead logging, all on the disk.
// The database is closed after it.
func (db *database) finish(ctx context.Context) error {
	if err := db.MakeIndexes(ctx); err != nil {
		return err
	}
	db.closeReaders()
	for _, statement := range []string{"PRAGMA synchronous = FULL", "PRAGMA journal_mode = WAL", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := db.conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("finish views %s: %w", db.path, explain(err))
		}
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("finish views %s: %w", db.path, err)
	}
	f, err := os.Open(db.path) // with no connection left, so that closing it drops no locks
	if err != nil {
		return fmt.Errorf("finish views: %w", err)
	}
	defer f.Close()
	return f.Sync()
}

func (db *database) closeReaders() error {
	var err error
	for _, s := range append(db.current, db.states...) {
		err = errors.Join(err, s.Close())
	}
	db.current, db.states = nil, nil
	if db.readers != nil {
		err = errors.Join(err, db.readers.Close())
		db.readers = nil
	}
	return err
}

// Close closes the database.
func (db *database) Close() error {
	err := db.closeReaders()
	for key, s := range db.insert {
		delete(db.insert, key)
		err = errors.Join(err, s.Close())
	}
	if db.conn != nil {
		err = errors.Join(err, db.conn.Close())
		db.conn = nil
	}
	if db.writer != nil {
		err = errors.Join(err, db.writer.Close())
		db.writer = nil
	}
	return err
}

// explain adds what to do about a database that is damaged.
func explain(err error) error {
	var s *sqlite.Error
	if errors.As(err, &s) {
		switch s.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return store.Damaged(err)
		}
	}
	return err
}
