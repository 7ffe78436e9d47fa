package client

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
)

// pseudonyms are made in memory and become durable with the next [Outbox.Add]:
// before any event that uses them, and without an fsync for each.
type pseudonyms struct {
	mu    sync.Mutex
	fresh map[string]string // by principal; not yet in the database
	known map[string]string // some of those that are
}

// maxKnown bounds the pseudonyms held in memory for speed.
const maxKnown = 10_000

// Pseudonym returns the random name, "p-" and 22 characters, under which a
// native principal appears in events. The same principal gets the same one until
// it is erased. A new one is remembered durably together with the next Add, or
// on Close.
func (o *Outbox) Pseudonym(ctx context.Context, principal string) (string, error) {
	p := &o.names
	p.mu.Lock()
	defer p.mu.Unlock()
	if id, ok := p.fresh[principal]; ok {
		return id, nil
	}
	if id, ok := p.known[principal]; ok {
		return id, nil
	}
	var id string
	switch err := o.db.QueryRowContext(ctx, "SELECT id FROM pseudonym WHERE principal = ?", principal).Scan(&id); {
	case err == nil:
		p.remember(principal, id)
		return id, nil
	case !errors.Is(err, sql.ErrNoRows):
		return "", fmt.Errorf("outbox %s: look up a pseudonym: %w", o.path, err)
	}
	var random [16]byte
	if _, err := io.ReadFull(o.opts.Random, random[:]); err != nil {
		return "", fmt.Errorf("outbox %s: make a pseudonym: %w", o.path, err)
	}
	id = "p-" + base64.RawURLEncoding.EncodeToString(random[:])
	if p.fresh == nil {
		p.fresh = map[string]string{}
	}
	p.fresh[principal] = id
	return id, nil
}

// Principal returns whom a pseudonym stands for, and false if nobody knows (any
// more).
func (o *Outbox) Principal(ctx context.Context, pseudonym string) (string, bool, error) {
	if err := o.names.save(ctx, o); err != nil {
		return "", false, fmt.Errorf("outbox %s: look up a principal: %w", o.path, err)
	}
	var principal string
	switch err := o.db.QueryRowContext(ctx, "SELECT principal FROM pseudonym WHERE id = ?", pseudonym).Scan(&principal); {
	case errors.Is(err, sql.ErrNoRows):
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("outbox %s: look up a principal: %w", o.path, err)
	}
	return principal, true, nil
}

// ErasePrincipal forgets which pseudonym a principal had, overwriting it in the
// file. Events already published keep the pseudonym, which then stands for
// nobody; the principal gets a new one the next time. It reports whether there
// was one.
func (o *Outbox) ErasePrincipal(ctx context.Context, principal string) (bool, error) {
	o.addMu.Lock()
	defer o.addMu.Unlock()
	o.names.mu.Lock()
	defer o.names.mu.Unlock()
	_, found := o.names.fresh[principal]
	delete(o.names.fresh, principal)
	delete(o.names.known, principal)
	n, err := o.erase(ctx, "DELETE FROM pseudonym WHERE principal = ?", principal)
	if err != nil {
		return false, fmt.Errorf("outbox %s: erase a pseudonym: %w", o.path, err)
	}
	return found || n > 0, nil
}

// erase deletes rows so that their bytes are gone from the file and its log.
func (o *Outbox) erase(ctx context.Context, query string, args ...any) (rows int64, err error) {
	if _, err := o.db.ExecContext(ctx, "PRAGMA secure_delete = ON"); err != nil {
		return 0, err
	}
	err = o.write(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, query, args...)
		if err == nil {
			rows, err = result.RowsAffected()
		}
		return err
	})
	after := context.WithoutCancel(ctx)
	_, err2 := o.db.ExecContext(after, "PRAGMA secure_delete = OFF")
	_, err3 := o.db.ExecContext(after, "PRAGMA wal_checkpoint(TRUNCATE)")
	return rows, errors.Join(err, err2, err3)
}

// remember needs p.mu.
func (p *pseudonyms) remember(principal, id string) {
	if p.known == nil || len(p.known) >= maxKnown {
		p.known = map[string]string{}
	}
	p.known[principal] = id
}

// snapshot returns what must be stored before any event that uses it.
func (p *pseudonyms) snapshot() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.fresh)
}

func (p *pseudonyms) stored(names map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for principal, id := range names {
		if p.fresh[principal] == id {
			delete(p.fresh, principal)
			p.remember(principal, id)
		}
	}
}

func insertPseudonyms(ctx context.Context, tx *sql.Tx, names map[string]string) error {
	for principal, id := range names {
		if _, err := tx.ExecContext(ctx, "INSERT INTO pseudonym(principal, id) VALUES(?, ?) ON CONFLICT(principal) DO NOTHING", principal, id); err != nil {
			return err
		}
	}
	return nil
}

func (p *pseudonyms) save(ctx context.Context, o *Outbox) error {
	o.addMu.Lock()
	defer o.addMu.Unlock()
	names := p.snapshot()
	if len(names) == 0 || o.db == nil {
		return nil
	}
	if err := o.write(ctx, func(tx *sql.Tx) error { return insertPseudonyms(ctx, tx, names) }); err != nil {
		return err
	}
	p.stored(names)
	return nil
}
