package client

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// Restart begins the next incarnation of a recorder: its numbers start at 1 again, and its
// first manifest follows the last one that the ledger is proven to have accepted. It is for
// when numbers of the present one are missing for good, because what had them was rejected
// and forgotten: to such an incarnation nobody can swear any more. Everybody sees that it
// was begun. It returns the incarnation; while something of the recorder's waits, or a
// rejection waits for a decision, nothing is begun.
func (o *Outbox) Restart(ctx context.Context, recorder events.Recorder) (incarnation uint64, err error) {
	o.addMu.Lock()
	defer o.addMu.Unlock()
	err = o.write(ctx, func(tx *sql.Tx) error {
		row, err := selectRecorder(ctx, tx, recorder)
		switch {
		case err != nil:
			return err
		case row == nil:
			return hint("saksi outbox status shows those that there are", "this outbox has nothing of it")
		case row.stale != "":
			return &StaleError{Recorder: recorder, Reason: row.stale}
		}
		var pending, rejected int64
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(CASE state WHEN 0 THEN count END), 0), coalesce(sum(CASE state WHEN 2 THEN count END), 0)
			FROM envelope WHERE recorder = ?`, row.id).Scan(&pending, &rejected); err != nil {
			return err
		}
		switch {
		case pending > 0:
			return hint("saksi outbox flush brings them to the ledger", "%d of its events have no receipt yet", pending)
		case rejected > 0:
			return hint("saksi outbox flush --resend sends them again, saksi outbox forget drops them", "%d of its events were rejected, and wait for a decision", rejected)
		case row.next == 1:
			return fmt.Errorf("incarnation %d has said nothing yet", row.incarnation)
		}
		var accepted []byte
		err = tx.QueryRowContext(ctx, "SELECT manifest FROM envelope WHERE recorder = ? AND state = 1 ORDER BY incarnation DESC, first DESC LIMIT 1", row.id).Scan(&accepted)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		incarnation = row.incarnation + 1
		var previous any
		if accepted != nil {
			previous = accepted
		}
		_, err = tx.ExecContext(ctx, "UPDATE recorder SET incarnation = ?, next = 1, previous = ? WHERE id = ?", incarnation, previous, row.id)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("begin an incarnation of %s: %w", recorder, err)
	}
	return incarnation, nil
}
