package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/projections/store"
)

// Commit writes a batch in one transaction.
func (db *database) Commit(ctx context.Context, b *store.Batch) error {
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

func (db *database) exec(ctx context.Context, c any, statement string, args ...any) error {
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

func (db *database) write(ctx context.Context, c any, b *store.Batch) error {
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
			err = db.run(ctx, c, "DELETE FROM _timer WHERE view = ? AND key = ?", t.View, t.Key)
		} else {
			err = db.run(ctx, c, "INSERT INTO _timer VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET due = excluded.due", t.View, t.Key, store.FormatTime(t.Due))
		}
		if err != nil {
			return fmt.Errorf("timers of %s: %w", t.View, err)
		}
	}
	nows := func(to []driver.NamedValue, i int) ([]driver.NamedValue, error) {
		return append(to, driver.NamedValue{Value: int64(b.First) + int64(i)}, driver.NamedValue{Value: store.FormatTime(b.Nows[i])}), nil
	}
	if err := db.insertRows(ctx, c, "_leaf", 2, len(b.Nows), nows); err != nil {
		return fmt.Errorf("times of leaves: %w", err)
	}
	p := b.Position
	if err := db.run(ctx, c, "INSERT INTO _position (size, root, now, without_body, frontier) VALUES (?, ?, ?, ?, ?)",
		int64(p.Size), p.Root[:], store.FormatTime(p.Now), int64(p.WithoutBody), append([]byte{}, p.Frontier...)); err != nil {
		return fmt.Errorf("position: %w", err)
	}
	return db.run(ctx, c, "DELETE FROM _position WHERE id <= (SELECT max(id) FROM _position) - ?", int64(store.KeptPositions))
}

func (db *database) writeVersions(ctx context.Context, c any, t *store.Table, v *store.Versions) error {
	for _, end := range v.Ends {
		if err := db.run(ctx, c, "UPDATE "+quote(t.Name)+" SET to_leaf = ? WHERE change = ?", int64(end.Leaf), int64(end.Change)); err != nil {
			return err
		}
	}
	row := func(to []driver.NamedValue, i int) ([]driver.NamedValue, error) {
		made, err := v.Version(db.row[:0], i)
		if err != nil {
			return nil, err
		}
		db.row = made.Values
		var end any
		if made.To != 0 {
			end = int64(made.To)
		}
		to = append(to, driver.NamedValue{Value: int64(made.Change)}, driver.NamedValue{Value: made.Key},
			driver.NamedValue{Value: int64(made.Kind)}, driver.NamedValue{Value: int64(made.From)}, driver.NamedValue{Value: end})
		for _, value := range made.Values {
			to = append(to, driver.NamedValue{Value: value})
		}
		return to, nil
	}
	return db.insertRows(ctx, c, t.Name, fixedCount+len(t.Columns), v.New, row)
}

// run executes a statement that is prepared once.
func (db *database) run(ctx context.Context, c any, statement string, args ...any) error {
	s, err := db.statement(ctx, c, insertKey{table: statement}, func() string { return statement })
	if err != nil {
		return err
	}
	_, err = s.(driver.StmtExecContext).ExecContext(ctx, named(args))
	return err
}

func (db *database) statement(ctx context.Context, c any, key insertKey, text func() string) (driver.Stmt, error) {
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

func (db *database) insertRows(ctx context.Context, c any, table string, width, count int, appendRow func([]driver.NamedValue, int) ([]driver.NamedValue, error)) error {
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
func (db *database) Position(ctx context.Context) (store.Position, error) {
	p, err := position(ctx, db.readers)
	if err != nil {
		return p, fmt.Errorf("read the position of views %s: %w", db.path, explain(err))
	}
	return p, nil
}

func position(ctx context.Context, q querier) (p store.Position, err error) {
	var size, without int64
	var root []byte
	var now string
	err = q.QueryRowContext(ctx, "SELECT size, root, now, without_body, frontier FROM _position ORDER BY id DESC LIMIT 1").
		Scan(&size, &root, &now, &without, &p.Frontier)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Position{}, nil
	}
	if err != nil {
		return store.Position{}, err
	}
	p.Size, p.WithoutBody = uint64(size), uint64(without)
	copy(p.Root[:], root)
	p.Now, err = store.ParseTime(now)
	return p, err
}

// LastChange returns the number of a table's last change.
func (db *database) LastChange(ctx context.Context, table int) (uint64, error) {
	var last int64
	err := db.readers.QueryRowContext(ctx, "SELECT ifnull(max(change), 0) FROM "+quote(db.layout.Tables[table].Name)).Scan(&last)
	return uint64(last), explain(err)
}

// Timers returns all timers.
func (db *database) Timers(ctx context.Context) ([]store.Timer, error) {
	rows, err := db.readers.QueryContext(ctx, "SELECT view, key, due FROM _timer")
	if err != nil {
		return nil, fmt.Errorf("read timers: %w", explain(err))
	}
	defer rows.Close()
	var timers []store.Timer
	for rows.Next() {
		var t store.Timer
		var due string
		if err := rows.Scan(&t.View, &t.Key, &due); err != nil {
			return nil, fmt.Errorf("read timers: %w", err)
		}
		if t.Due, err = store.ParseTime(due); err != nil {
			return nil, fmt.Errorf("read timers: %w", err)
		}
		timers = append(timers, t)
	}
	return timers, rows.Err()
}

// Current returns the version that a key has now, as committed, or nil.
func (db *database) Current(ctx context.Context, table int, key string) (*store.Version, error) {
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
	if v := scan.version(); v.Kind != store.Ended {
		return &v, nil
	}
	return nil, nil
}

// State returns a value of a state as committed, or nil.
func (db *database) State(ctx context.Context, state int, key string) ([]byte, error) {
	var value []byte
	err := db.states[state].QueryRowContext(ctx, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, explain(err)
}
