package client

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// attestationID is the id of an attestation of a period, in which the outbox finds
// again what was sworn: from and to as Unix times, and the last number.
const attestationID = "attestation/%d/%d/%d"

// Sworn is the newest attestation of a period that an outbox holds of a recorder.
type Sworn struct {
	From, To    time.Time
	Incarnation uint64
	Last        uint64 // the highest number that was there; 0 if there was none
}

// Period returns the attestation of a recorder's period from the last one's end, or
// from a given time, up to (and not including) another, and the id that its event
// must have. It names the numbers that came after those attested before, and claims
// no more than the outbox has receipts for: while something is pending or rejected,
// or was forgotten after a rejection, it is an error that says so. Compare the
// outbox with the ledger before ([Client.Prepare]).
//
// A zero from is the end of the last period. Times are cut to the second.
func (o *Outbox) Period(ctx context.Context, recorder events.Recorder, from, to time.Time) (p events.PeriodAttested, id string, err error) {
	tx, err := o.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		defer func() { _ = tx.Rollback() }()
		p, id, err = o.period(ctx, tx, recorder, from.UTC().Truncate(time.Second), to.UTC().Truncate(time.Second))
	}
	if err != nil {
		return p, "", fmt.Errorf("attest a period of %s: %w", recorder, err)
	}
	return p, id, nil
}

func (o *Outbox) period(ctx context.Context, tx *sql.Tx, recorder events.Recorder, from, to time.Time) (p events.PeriodAttested, id string, err error) {
	row := recorderRow{incarnation: 1, next: 1}
	var previous []byte
	err = tx.QueryRowContext(ctx, "SELECT id, incarnation, next, previous, stale FROM recorder WHERE name = ?", recorder.String()).
		Scan(&row.id, &row.incarnation, &row.next, &previous, &row.stale)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return p, "", err
	}
	if row.stale != "" {
		return p, "", hint("another outbox knows more: attest from there", "the outbox is not the only one that writes for it: %s", row.stale)
	}
	before, sworn, err := lastSworn(ctx, tx, row.id)
	if err != nil {
		return p, "", err
	}
	began, err := beginning(ctx, tx, &row)
	if err != nil {
		return p, "", err
	}
	switch {
	case from.IsZero() && !sworn:
		return p, "", hint("say from when on: since the recorder was declared, say", "nothing was attested before, so that it isn't known where the period begins")
	case from.IsZero():
		from = before.To
	case sworn && from.Before(before.To):
		return p, "", hint("leave the beginning out, to go on from there", "it was attested up to %s already", before.To.Format(time.RFC3339))
	case row.incarnation > 1 && before.Incarnation != row.incarnation && from.Before(began):
		// An attestation is of one incarnation, and says that what it counts was all.
		return p, "", hint("say --from that time or later", "incarnation %d of the recorder began at %s, and an earlier one may have spoken in that period", row.incarnation, began.Format(time.RFC3339))
	}
	switch {
	case !from.Before(to):
		return p, "", fmt.Errorf("the period from %s to %s is empty", from.Format(time.RFC3339), to.Format(time.RFC3339))
	case to.After(o.opts.Now()):
		return p, "", fmt.Errorf("it ends at %s, and nobody knows yet what happens until then", to.Format(time.RFC3339))
	}
	first, err := unattested(ctx, tx, &row, before)
	if err != nil {
		return p, "", err
	}
	p = events.PeriodAttested{Recorder: recorder.String(), Incarnation: events.Integer(row.incarnation), From: events.At(from), To: events.At(to)}
	last := row.next - 1
	if first <= last {
		p.First, p.Last, p.Count = events.Integer(first), events.Integer(last), events.Integer(last-first+1)
		var manifest events.Digest
		copy(manifest[:], previous)
		p.Manifest = manifest.String()
	}
	return p, fmt.Sprintf(attestationID, from.Unix(), to.Unix(), last), nil
}

// beginning returns the second in which this outbox first took something of a recorder's
// present incarnation; zero if it never did.
func beginning(ctx context.Context, tx *sql.Tx, row *recorderRow) (time.Time, error) {
	var added sql.NullInt64
	err := tx.QueryRowContext(ctx, "SELECT min(added) FROM envelope WHERE recorder = ? AND incarnation = ?", row.id, row.incarnation).Scan(&added)
	if err != nil || !added.Valid {
		return time.Time{}, err
	}
	return time.Unix(0, added.Int64).UTC().Truncate(time.Second), nil
}

// unattested returns the first number of the incarnation that was not attested
// before and that this outbox knows, if every number from it on has a receipt.
func unattested(ctx context.Context, tx *sql.Tx, row *recorderRow, before Sworn) (uint64, error) {
	first := uint64(1)
	if before.Incarnation == row.incarnation {
		first = before.Last + 1
	}
	var known sql.NullInt64
	var pending, rejected, forgotten int64
	err := tx.QueryRowContext(ctx, `SELECT min(first),
			coalesce(sum(CASE state WHEN 0 THEN count END), 0), coalesce(sum(CASE state WHEN 2 THEN count END), 0), coalesce(sum(CASE state WHEN 3 THEN count END), 0)
		FROM envelope WHERE recorder = ? AND incarnation = ? AND first + count > ?`, row.id, row.incarnation, first).
		Scan(&known, &pending, &rejected, &forgotten)
	switch {
	case err != nil:
		return 0, err
	case pending > 0:
		return 0, hint("saksi outbox flush brings them to the ledger", "%d of its events have no receipt yet", pending)
	case rejected > 0:
		return 0, hint("saksi outbox status says why; saksi outbox flush --resend sends them again", "%d of its events were rejected, and wait for a decision", rejected)
	case forgotten > 0:
		return 0, hint("their numbers stay missing on record, as a finding; saksi outbox restart begins a new incarnation, which one can attest to again", "%d of its events were rejected and dropped: that this was all there was can't be sworn", forgotten)
	case !known.Valid:
		return row.next, nil
	}
	return max(first, uint64(known.Int64)), nil
}

// lastSworn returns the newest attestation of a recorder that is in the outbox.
func lastSworn(ctx context.Context, tx *sql.Tx, recorder int64) (Sworn, bool, error) {
	var s Sworn
	var id string
	err := tx.QueryRowContext(ctx, `SELECT id, incarnation FROM event WHERE recorder = ? AND id >= ? AND id < ? ORDER BY incarnation DESC, seq DESC LIMIT 1`,
		recorder, "attestation/", "attestation0").Scan(&id, &s.Incarnation)
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	} else if err != nil {
		return s, false, err
	}
	var from, to int64
	if n, err := fmt.Sscanf(id, attestationID, &from, &to, &s.Last); n != 3 {
		return s, false, fmt.Errorf("the id %.80q of an earlier attestation: %w", id, err)
	}
	s.From, s.To = time.Unix(from, 0).UTC(), time.Unix(to, 0).UTC()
	return s, true, nil
}
