package client

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// Adopt makes the outbox go on where the ledger stands with a recorder that the
// outbox knows nothing of: at sequence number 1 of the next incarnation, after
// the last manifest that was accepted. Where the outbox has a state of its own
// for that recorder it compares the two instead, and returns a [StaleError] if
// the ledger is ahead.
//
// A head is not proven: a ledger that lies here makes its own record say that
// this recorder contradicts it.
func (o *Outbox) Adopt(ctx context.Context, head events.Head) error {
	recorder, err := events.ParseRecorder(head.Recorder)
	if err != nil {
		return fmt.Errorf("adopt head: %w", err)
	}
	if err := o.compare(ctx, recorder, &head); err != nil {
		return fmt.Errorf("adopt head of %s: %w", recorder, err)
	}
	return nil
}

// compare adopts head, or notes whether it and the outbox agree. head is nil if
// the ledger has accepted nothing of recorder. The returned error is a
// StaleError if they disagree.
func (o *Outbox) compare(ctx context.Context, recorder events.Recorder, head *events.Head) error {
	o.addMu.Lock()
	defer o.addMu.Unlock()
	row, err := selectRecorder(ctx, o.db, recorder)
	if err != nil {
		return err
	}
	if row == nil {
		if head == nil {
			return nil
		}
		return o.write(ctx, func(tx *sql.Tx) error {
			return insertRecorder(ctx, tx, recorder, &recorderRow{incarnation: head.Incarnation + 1, next: 1, previous: head.Manifest, checked: true})
		})
	}
	stale := ""
	if head != nil {
		if stale, err = o.disagree(ctx, row, head); err != nil {
			return err
		}
	}
	if stale != row.stale || !row.checked {
		err := o.write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE recorder SET stale = ?, checked = 1 WHERE id = ?", stale, row.id)
			return err
		})
		if err != nil {
			return err
		}
	}
	if stale != "" {
		return &StaleError{Recorder: recorder, Reason: stale}
	}
	return nil
}

func (o *Outbox) disagree(ctx context.Context, row *recorderRow, head *events.Head) (string, error) {
	switch {
	case head.Incarnation < row.incarnation:
		return "", nil
	case head.Incarnation > row.incarnation:
		return fmt.Sprintf("it writes incarnation %d, and the ledger has accepted incarnation %d: another outbox took over", row.incarnation, head.Incarnation), nil
	case head.Last >= row.next:
		return fmt.Sprintf("it has given sequence numbers up to %d of incarnation %d, and the ledger has accepted %d: this is an old copy, or another outbox writes too",
			row.next-1, row.incarnation, head.Last), nil
	}
	var one int
	switch err := o.db.QueryRowContext(ctx, "SELECT 1 FROM envelope WHERE manifest = ?", head.Manifest[:]).Scan(&one); err {
	case nil:
		return "", nil
	case sql.ErrNoRows:
		return fmt.Sprintf("the last envelope that the ledger accepted, up to sequence number %d of incarnation %d, is not of this outbox: another one writes too", head.Last, head.Incarnation), nil
	default:
		return "", err
	}
}

// recorders returns where each recorder stands, without the last manifest.
func (o *Outbox) recorders(ctx context.Context) (map[events.Recorder]*recorderRow, error) {
	rows, err := o.db.QueryContext(ctx, "SELECT id, name, incarnation, next, checked, stale FROM recorder")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[events.Recorder]*recorderRow{}
	for rows.Next() {
		r, name := &recorderRow{}, ""
		if err := rows.Scan(&r.id, &name, &r.incarnation, &r.next, &r.checked, &r.stale); err != nil {
			return nil, err
		}
		recorder, err := events.ParseRecorder(name)
		if err != nil {
			return nil, err
		}
		all[recorder] = r
	}
	return all, rows.Err()
}
