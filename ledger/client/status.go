package client

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// Status is what an outbox holds.
type Status struct {
	// Ledger is the origin, and TreeSize the size, of the latest verified
	// checkpoint; empty and zero before the first.
	Ledger    string           `json:"ledger,omitempty"`
	TreeSize  uint64           `json:"treeSize,omitempty"`
	Recorders []RecorderStatus `json:"recorders"` // in order of name
	Evidence  int              `json:"evidence"`  // contradictions of the ledger
}

// RecorderStatus is what an outbox holds of one recorder.
type RecorderStatus struct {
	Recorder    string `json:"recorder"`
	Incarnation uint64 `json:"incarnation"`
	// Next is the sequence number that the next event gets.
	Next    uint64 `json:"next"`
	Pending Volume `json:"pending"`
	// Oldest is when the oldest pending envelope was added; zero without one.
	Oldest   time.Time `json:"oldest,omitzero"`
	Receipts Volume    `json:"receipts"`
	// Rejected are the envelopes that wait for a decision, in order, at most
	// [MaxRejected] of them; RejectedCount counts all.
	Rejected      []Rejected `json:"rejected,omitempty"`
	RejectedCount int        `json:"rejectedCount"`
	// Disclosures counts what is kept to open digests in events.
	Disclosures int `json:"disclosures"`
	// Stale says why nothing may be added or sent, if so; see [StaleError].
	Stale string `json:"stale,omitempty"`
}

// MaxRejected is the most rejected envelopes that a [RecorderStatus] lists.
const MaxRejected = 1000

// Volume counts envelopes, their events, and their bytes as published.
type Volume struct {
	Envelopes int   `json:"envelopes"`
	Events    int64 `json:"events"`
	Bytes     int64 `json:"bytes"`
}

// Rejected is an envelope that the ledger has refused.
type Rejected struct {
	Manifest events.Digest `json:"manifest"`
	First    uint64        `json:"first"`
	Count    uint64        `json:"count"`
	Leaf     uint64        `json:"leaf"`
	// Code is proven by the leaf; Reason is what the ledger said beside it.
	Code   string `json:"code"`
	Reason string `json:"reason,omitempty"`
}

// Status returns what the outbox holds.
func (o *Outbox) Status(ctx context.Context) (Status, error) {
	s, err := o.status(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("status of outbox %s: %w", o.path, err)
	}
	return s, nil
}

func (o *Outbox) status(ctx context.Context) (Status, error) {
	var s Status
	if cp := o.Checkpoint(); cp != nil {
		s.Ledger, s.TreeSize = cp.Origin, cp.Size
	}
	tx, err := o.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM evidence").Scan(&s.Evidence); err != nil {
		return s, err
	}
	byID := map[int64]*RecorderStatus{}
	var id int64
	r := &RecorderStatus{}
	err = scan(ctx, tx, "SELECT id, name, incarnation, next, stale FROM recorder", []any{&id, &r.Recorder, &r.Incarnation, &r.Next, &r.Stale}, func() {
		one := *r
		byID[id] = &one
	})
	if err != nil {
		return s, err
	}
	var state int
	var v Volume
	var oldest int64
	err = scan(ctx, tx, "SELECT recorder, state, count(*), sum(count), sum(size), min(added) FROM envelope GROUP BY recorder, state",
		[]any{&id, &state, &v.Envelopes, &v.Events, &v.Bytes, &oldest}, func() {
			switch r := byID[id]; state {
			case statePending:
				r.Pending, r.Oldest = v, time.Unix(0, oldest).UTC()
			case stateAccepted:
				r.Receipts = v
			case stateRejected:
				r.RejectedCount = v.Envelopes
			}
		})
	if err != nil {
		return s, err
	}
	var j Rejected
	var manifest []byte
	err = scan(ctx, tx, "SELECT recorder, manifest, first, count, refused, code, reason FROM envelope WHERE state = 2 ORDER BY id",
		[]any{&id, &manifest, &j.First, &j.Count, &j.Leaf, &j.Code, &j.Reason}, func() {
			copy(j.Manifest[:], manifest)
			if r := byID[id]; len(r.Rejected) < MaxRejected {
				r.Rejected = append(r.Rejected, j)
			}
		})
	if err != nil {
		return s, err
	}
	var n int
	err = scan(ctx, tx, "SELECT recorder, count(*) FROM disclosure GROUP BY recorder", []any{&id, &n}, func() { byID[id].Disclosures = n })
	if err != nil {
		return s, err
	}
	for _, r := range byID {
		s.Recorders = append(s.Recorders, *r)
	}
	slices.SortFunc(s.Recorders, func(a, b RecorderStatus) int { return cmp.Compare(a.Recorder, b.Recorder) })
	return s, nil
}

func scan(ctx context.Context, tx *sql.Tx, query string, into []any, each func()) error {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		each()
	}
	return rows.Err()
}

// Requeue makes rejected envelopes, named by their manifests, pending again as
// they are, and returns how many it was. With none named it is all of them.
// This is right when the reason is gone: a key was registered since, say. What
// is wrong with the events themselves is corrected by an attestation.
func (o *Outbox) Requeue(ctx context.Context, manifests ...events.Digest) (int, error) {
	n, err := o.decide(ctx, manifests, func(tx *sql.Tx, id int64) error {
		_, err := tx.ExecContext(ctx, `UPDATE envelope SET state = 0, code = '', reason = '',
			refused = CASE WHEN (SELECT checkpoint FROM receipt WHERE envelope = ?1) > `+ofFormer+` THEN refused END WHERE id = ?1`, id)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("outbox %s: requeue rejected envelopes: %w", o.path, err)
	}
	if n > 0 {
		o.requeues.Add(1)
		o.wake()
	}
	return n, nil
}

// Forget drops the bodies of rejected envelopes, named by their manifests, and
// the ids of their events, so that these can be added again in another form,
// under new sequence numbers. The proof of the rejection is kept. It returns
// how many it was.
func (o *Outbox) Forget(ctx context.Context, manifests ...events.Digest) (int, error) {
	if len(manifests) == 0 {
		return 0, nil
	}
	n, err := o.decide(ctx, manifests, func(tx *sql.Tx, id int64) error {
		for _, query := range []string{
			`DELETE FROM event WHERE (recorder, incarnation) = (SELECT recorder, incarnation FROM envelope WHERE id = ?1)
				AND seq BETWEEN (SELECT first FROM envelope WHERE id = ?1) AND (SELECT first + count - 1 FROM envelope WHERE id = ?1)`,
			"DELETE FROM body WHERE envelope = ?1",
			"UPDATE envelope SET state = 3 WHERE id = ?1",
		} {
			if _, err := tx.ExecContext(ctx, query, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("outbox %s: forget rejected envelopes: %w", o.path, err)
	}
	return n, nil
}

func (o *Outbox) decide(ctx context.Context, manifests []events.Digest, do func(*sql.Tx, int64) error) (n int, err error) {
	err = o.write(ctx, func(tx *sql.Tx) error {
		var ids []int64
		var id int64
		if len(manifests) == 0 {
			if err := scan(ctx, tx, "SELECT id FROM envelope WHERE state = 2", []any{&id}, func() { ids = append(ids, id) }); err != nil {
				return err
			}
		}
		for _, m := range manifests {
			err := tx.QueryRowContext(ctx, "SELECT id FROM envelope WHERE state = 2 AND manifest = ?", m[:]).Scan(&id)
			if err == sql.ErrNoRows {
				return hint("see the outbox's status for those that are", "no rejected envelope has the manifest %s", m)
			} else if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		for _, id := range ids {
			if err := do(tx, id); err != nil {
				return err
			}
		}
		n = len(ids)
		return nil
	})
	return n, err
}
