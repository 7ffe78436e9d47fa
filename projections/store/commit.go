package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Position is how far a database has come.
type Position struct {
	Size        uint64
	Root        [32]byte
	Now         time.Time
	WithoutBody uint64
	// Frontier holds the hashes from which the root of any larger tree follows.
	Frontier []byte
}

// Batch is what one commit writes.
type Batch struct {
	Position Position
	First    uint64 // the leaf that Nows begins with
	Nows     []time.Time
	Tables   []Versions // as in the layout
	States   [][]Value  // as in the layout
	Timers   []Timer
}

// Versions are the new versions of a table, and which older ones ended.
type Versions struct {
	New int
	// Append appends the values of version i: change, key, kind, from_leaf, to_leaf
	// and the columns.
	Append func(to []driver.NamedValue, i int) ([]driver.NamedValue, error)
	Ends   []End
}

// End says at which leaf a version ended.
type End struct{ Change, Leaf uint64 }

// Value is a value of a state; nil deletes it.
type Value struct {
	Key  string
	JSON []byte
}

// Timer is a view's timer; a zero Due deletes it.
type Timer struct {
	View, Key string
	Due       time.Time
}

// timeLayout has all times the same length, so that their order is their text's.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// AppendTime appends a time as it is stored. The zero time is the empty text.
func AppendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return t.UTC().AppendFormat(b, timeLayout)
}

// FormatTime returns a time as it is stored.
func FormatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// ParseTime reads a time as it is stored.
func ParseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(timeLayout, s)
}

// Commit writes a batch in one transaction. After an error it isn't known whether
// it did: Position says.
func (db *DB) Commit(ctx context.Context, b *Batch) error {
	err := db.conn.Raw(func(c any) error {
		if err := db.exec(ctx, c, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		if err := db.write(ctx, c, b); err != nil {
			return errors.Join(err, db.exec(context.WithoutCancel(ctx), c, "ROLLBACK"))
		}
		if err := db.exec(ctx, c, "COMMIT"); err != nil {
			db.exec(context.WithoutCancel(ctx), c, "ROLLBACK") // fails where the commit ended the transaction
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit views at %d leaves: %w", b.Position.Size, explain(err))
	}
	return nil
}

func (db *DB) exec(ctx context.Context, c any, statement string, args ...any) error {
	_, err := c.(driver.ExecerContext).ExecContext(ctx, statement, named(args))
	return err
}

func named(args []any) []driver.NamedValue {
	list := make([]driver.NamedValue, len(args))
	for i, a := range args {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return list
}

func (db *DB) write(ctx context.Context, c any, b *Batch) error {
	for i, versions := range b.Tables {
		t := &db.layout.Tables[i]
		if err := db.writeVersions(ctx, c, t, &versions); err != nil {
			return fmt.Errorf("rows of %s: %w", t.Name, err)
		}
	}
	for i, values := range b.States {
		name := quote(db.layout.States[i])
		for _, v := range values {
			var err error
			if v.JSON == nil {
				err = db.run(ctx, c, "DELETE FROM "+name+" WHERE key = ?", v.Key)
			} else {
				err = db.run(ctx, c, "INSERT INTO "+name+" VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", v.Key, string(v.JSON))
			}
			if err != nil {
				return fmt.Errorf("state %s: %w", name, err)
			}
		}
	}
	for _, t := range b.Timers {
		var err error
		if t.Due.IsZero() {
			err = db.run(ctx, c, "DELETE FROM timer WHERE view = ? AND key = ?", t.View, t.Key)
		} else {
			err = db.run(ctx, c, "INSERT INTO timer VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET due = excluded.due", t.View, t.Key, FormatTime(t.Due))
		}
		if err != nil {
			return fmt.Errorf("timers of %s: %w", t.View, err)
		}
	}
	nows := func(to []driver.NamedValue, i int) ([]driver.NamedValue, error) {
		return append(to, driver.NamedValue{Value: int64(b.First) + int64(i)}, driver.NamedValue{Value: FormatTime(b.Nows[i])}), nil
	}
	if err := db.insertRows(ctx, c, "leaf", 2, len(b.Nows), nows); err != nil {
		return fmt.Errorf("times of leaves: %w", err)
	}
	p := b.Position
	if err := db.run(ctx, c, "INSERT INTO position (size, root, now, without_body, frontier) VALUES (?, ?, ?, ?, ?)",
		int64(p.Size), p.Root[:], FormatTime(p.Now), int64(p.WithoutBody), p.Frontier); err != nil {
		return fmt.Errorf("position: %w", err)
	}
	return db.run(ctx, c, "DELETE FROM position WHERE id <= (SELECT max(id) FROM position) - ?", int64(keptPositions))
}

func (db *DB) writeVersions(ctx context.Context, c any, t *Table, v *Versions) error {
	for _, end := range v.Ends {
		if err := db.run(ctx, c, "UPDATE "+quote(t.Name)+" SET to_leaf = ? WHERE change = ?", int64(end.Leaf), int64(end.Change)); err != nil {
			return err
		}
	}
	return db.insertRows(ctx, c, t.Name, fixedCount+len(t.Columns), v.New, v.Append)
}

// run executes a statement that is prepared once.
func (db *DB) run(ctx context.Context, c any, statement string, args ...any) error {
	s, err := db.statement(ctx, c, insertKey{table: statement}, func() string { return statement })
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(ctx, named(args))
	return err
}

func (db *DB) statement(ctx context.Context, c any, key insertKey, text func() string) (driver.Stmt, error) {
	if s, ok := db.insert[key]; ok {
		return s, nil
	}
	s, err := c.(driver.ConnPrepareContext).PrepareContext(ctx, text())
	if err != nil {
		return nil, err
	}
	db.insert[key] = s
	return s, nil
}

// rowsAtOnce are how many rows one statement inserts; maxValues is SQLite's limit
// of what it binds.
const maxValues = 32766

var rowsAtOnce = [...]int{64, 8, 1}

func (db *DB) insertRows(ctx context.Context, c any, table string, width, count int, appendRow func([]driver.NamedValue, int) ([]driver.NamedValue, error)) error {
	next := 0
	for _, rows := range rowsAtOnce {
		if rows*width > maxValues {
			continue
		}
		for ; count-next >= rows; next += rows {
			s, err := db.statement(ctx, c, insertKey{table, rows}, func() string {
				row := "(?" + strings.Repeat(", ?", width-1) + ")"
				return "INSERT INTO " + quote(table) + " VALUES " + row + strings.Repeat(", "+row, rows-1)
			})
			if err != nil {
				return err
			}
			values := db.values[:0]
			for i := range rows {
				if values, err = appendRow(values, next+i); err != nil {
					return err
				}
			}
			for i := range values {
				values[i].Ordinal = i + 1
			}
			db.values = values
			if _, err := s.(driver.StmtExecContext).ExecContext(ctx, values); err != nil {
				return err
			}
		}
	}
	return nil
}

// Position returns how far the database has come; the zero one where nothing was
// committed.
func (db *DB) Position(ctx context.Context) (Position, error) {
	p, err := position(ctx, db.readers)
	if err != nil {
		return p, fmt.Errorf("read the position of views %s: %w", db.path, explain(err))
	}
	return p, nil
}

func position(ctx context.Context, q querier) (p Position, err error) {
	var size, without int64
	var root []byte
	var now string
	err = q.QueryRowContext(ctx, "SELECT size, root, now, without_body, frontier FROM position ORDER BY id DESC LIMIT 1").
		Scan(&size, &root, &now, &without, &p.Frontier)
	if errors.Is(err, sql.ErrNoRows) {
		return Position{}, nil
	}
	if err != nil {
		return Position{}, err
	}
	p.Size, p.WithoutBody = uint64(size), uint64(without)
	copy(p.Root[:], root)
	p.Now, err = ParseTime(now)
	return p, err
}

// LastChange returns the number of a table's last change.
func (db *DB) LastChange(ctx context.Context, table int) (uint64, error) {
	var last int64
	err := db.readers.QueryRowContext(ctx, "SELECT ifnull(max(change), 0) FROM "+quote(db.layout.Tables[table].Name)).Scan(&last)
	return uint64(last), explain(err)
}

// Timers returns all timers.
func (db *DB) Timers(ctx context.Context) ([]Timer, error) {
	rows, err := db.readers.QueryContext(ctx, "SELECT view, key, due FROM timer")
	if err != nil {
		return nil, fmt.Errorf("read timers: %w", explain(err))
	}
	defer rows.Close()
	var timers []Timer
	for rows.Next() {
		var t Timer
		var due string
		if err := rows.Scan(&t.View, &t.Key, &due); err != nil {
			return nil, fmt.Errorf("read timers: %w", err)
		}
		if t.Due, err = ParseTime(due); err != nil {
			return nil, fmt.Errorf("read timers: %w", err)
		}
		timers = append(timers, t)
	}
	return timers, rows.Err()
}

// Current returns the version that a key has now, as committed, or nil.
func (db *DB) Current(ctx context.Context, table int, key string) (*Version, error) {
	if err := db.needKeyIndex(ctx, table); err != nil {
		return nil, fmt.Errorf("look up %q: %w", key, explain(err))
	}
	scan := newScan(&db.layout.Tables[table])
	err := db.current[table].QueryRowContext(ctx, key).Scan(scan.into...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up %q: %w", key, explain(err))
	}
	if v := scan.version(); v.Kind != Ended {
		return &v, nil
	}
	return nil, nil
}

// State returns a value of a state as committed, or nil.
func (db *DB) State(ctx context.Context, state int, key string) ([]byte, error) {
	var value []byte
	err := db.states[state].QueryRowContext(ctx, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, explain(err)
}
