package client

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// item is an envelope that is pending, without its body. It is owned by the
// flush that loaded it.
type item struct {
	id       int64
	lane     *recorderQueue
	first    uint64
	count    uint64
	size     int
	manifest events.Digest
	line1    events.Digest
	whole    events.Digest
	// refused is the leaf of the last rejection, if the envelope was requeued.
	refused *uint64

	progress
}

// loadPending returns up to limit pending envelopes with ids from after on, in
// order.
func (o *Outbox) loadPending(ctx context.Context, after, upTo int64, limit int) ([]*item, []int64, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT id, recorder, first, count, size, manifest, line1, whole, refused
		FROM envelope WHERE state = 0 AND id > ? AND id <= ? ORDER BY id LIMIT ?`, after, upTo, limit)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	var items []*item
	var recorders []int64
	for rows.Next() {
		it := &item{}
		var recorder int64
		var manifest, line1, whole sql.RawBytes
		var refused sql.NullInt64
		if err := rows.Scan(&it.id, &recorder, &it.first, &it.count, &it.size, &manifest, &line1, &whole, &refused); err != nil {
			return nil, nil, err
		}
		copy(it.manifest[:], manifest)
		copy(it.line1[:], line1)
		copy(it.whole[:], whole)
		if refused.Valid {
			leaf := uint64(refused.Int64)
			it.refused = &leaf
		}
		items, recorders = append(items, it), append(recorders, recorder)
	}
	return items, recorders, rows.Err()
}

func (o *Outbox) lastEnvelope(ctx context.Context) (id int64, err error) {
	err = o.db.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM envelope").Scan(&id)
	return id, err
}

// bodies returns the bodies of envelopes, by id.
func (o *Outbox) bodies(ctx context.Context, items []*item) ([][]byte, error) {
	tx, err := o.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	get, err := tx.PrepareContext(ctx, "SELECT body FROM body WHERE envelope = ?")
	if err != nil {
		return nil, err
	}
	defer get.Close()
	bodies := make([][]byte, len(items))
	for i, it := range items {
		if err := get.QueryRowContext(ctx, it.id).Scan(&bodies[i]); err != nil {
			return nil, fmt.Errorf("body of the envelope from sequence number %d: %w", it.first, err)
		}
	}
	return bodies, nil
}

// settled is an envelope whose leaf is proven.
type settled struct {
	*item
	leaf  uint64
	entry []byte
	proof tlog.RecordProof
	// code is set if it was rejected.
	code, reason string
}

// settle stores the receipts of list, forgets the bodies of what was accepted,
// and makes cp, which all of list is proven against, the latest checkpoint, in
// one transaction. list may be empty.
func (o *Outbox) settle(ctx context.Context, cp *formats.Checkpoint, list []settled) error {
	return o.store(ctx, cp, list, true)
}

// store is [Outbox.settle], which need not make cp the latest checkpoint.
func (o *Outbox) store(ctx context.Context, cp *formats.Checkpoint, list []settled, latest bool) error {
	err := o.write(ctx, func(tx *sql.Tx) error {
		if latest {
			if _, err := tx.ExecContext(ctx, "UPDATE latest SET note = ?", cp.Note); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return nil
		}
		result, err := tx.ExecContext(ctx, "INSERT INTO checkpoint(size, note) VALUES(?, ?)", cp.Size, cp.Note)
		if err != nil {
			return err
		}
		noteID, err := result.LastInsertId()
		if err != nil {
			return err
		}
		for query, each := range map[string]func(*sql.Stmt, *settled) error{
			"INSERT OR REPLACE INTO receipt(envelope, leaf_index, leaf, proof, checkpoint) VALUES(?, ?, ?, ?, ?)": func(q *sql.Stmt, s *settled) error {
				_, err := q.ExecContext(ctx, s.id, s.leaf, s.entry, proofBytes(s.proof), noteID)
				return err
			},
			"UPDATE envelope SET state = ?, code = ?, reason = ?, refused = ? WHERE id = ?": func(q *sql.Stmt, s *settled) error {
				state, refused := stateAccepted, any(nil)
				if s.code != "" {
					state, refused = stateRejected, s.leaf
				}
				_, err := q.ExecContext(ctx, state, s.code, s.reason, refused, s.id)
				return err
			},
			"DELETE FROM body WHERE envelope = ?": func(q *sql.Stmt, s *settled) error {
				if s.code != "" {
					return nil
				}
				_, err := q.ExecContext(ctx, s.id)
				return err
			},
		} {
			if err := forEach(ctx, tx, query, list, each); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("outbox %s: store %d receipts: %w", o.path, len(list), err)
	}
	if latest {
		o.seenMu.Lock()
		o.seen = cp
		o.seenMu.Unlock()
	}
	return nil
}

func forEach(ctx context.Context, tx *sql.Tx, query string, list []settled, do func(*sql.Stmt, *settled) error) error {
	q, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer q.Close()
	for i := range list {
		if err := do(q, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func proofBytes(p tlog.RecordProof) []byte {
	b := make([]byte, 0, len(p)*tlog.HashSize)
	for _, h := range p {
		b = append(b, h[:]...)
	}
	return b
}

func parseProof(b []byte) tlog.RecordProof {
	var p tlog.RecordProof
	for h := range slices.Chunk(b, tlog.HashSize) {
		p = append(p, tlog.Hash(h))
	}
	return p
}

func (o *Outbox) loadSeen(ctx context.Context) error {
	var key string
	var note []byte
	switch err := o.db.QueryRowContext(ctx, "SELECT key, note FROM latest").Scan(&key, &note); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case len(note) == 0:
		return nil
	}
	log, err := formats.NewLog(key)
	if err != nil {
		return err
	}
	o.seen, err = log.OpenCheckpoint(note)
	return err
}

// Checkpoint returns the latest checkpoint that was verified and found to
// continue those before it; nil if there is none yet.
func (o *Outbox) Checkpoint() *formats.Checkpoint {
	o.seenMu.Lock()
	defer o.seenMu.Unlock()
	return o.seen
}

// bind ties the outbox to one ledger, until that is succeeded by another: [Outbox.Move].
func (o *Outbox) bind(ctx context.Context, log *formats.Log) error {
	var key string
	err := o.db.QueryRowContext(ctx, "SELECT key FROM latest").Scan(&key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return o.write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO latest(one, key) VALUES(1, ?) ON CONFLICT DO NOTHING", log.Key())
			return err
		})
	case err != nil:
		return err
	case key != log.Key() && o.formerly(ctx, log):
		return hint("finish the move: saksi join, with the grant of the ledger that succeeds "+log.Origin(),
			"outbox %s has moved from the ledger %s to the one with the key %s", o.path, log.Origin(), key)
	case key != log.Key():
		return hint("an outbox is for one ledger: use another file for this one", "outbox %s belongs to the ledger with the key %s, not %s", o.path, key, log.Key())
	}
	return nil
}

// Evidence is a contradiction of the ledger: two notes with its signature.
type Evidence struct {
	What      string
	Seen, Got []byte
}

// Evidence returns what is kept of the ledger's contradictions, oldest first.
func (o *Outbox) Evidence(ctx context.Context) ([]Evidence, error) {
	rows, err := o.db.QueryContext(ctx, "SELECT what, seen, got FROM evidence ORDER BY id")
	if err != nil {
		return nil, fmt.Errorf("outbox %s: read evidence: %w", o.path, err)
	}
	defer rows.Close()
	var all []Evidence
	for rows.Next() {
		var e Evidence
		if err := rows.Scan(&e.What, &e.Seen, &e.Got); err != nil {
			return nil, fmt.Errorf("outbox %s: read evidence: %w", o.path, err)
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

// keep stores fork as evidence and returns it.
func (o *Outbox) keep(ctx context.Context, fork *ForkError) error {
	return errors.Join(fork, o.note(ctx, fork))
}

// note stores fork as evidence.
func (o *Outbox) note(ctx context.Context, fork *ForkError) error {
	return o.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO evidence(at, what, seen, got) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING",
			o.opts.Now().UnixNano(), fork.Error(), fork.Seen.Note, fork.Got.Note)
		return err
	})
}
