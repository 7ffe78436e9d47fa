package publish

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// EventReference names an event that the ledger has accepted from this outbox, with
// the digest that its manifest signed: for attestations that are about it. It returns
// false if the outbox doesn't know the event, or has no receipt for it yet.
func (o *Outbox) EventReference(ctx context.Context, recorder events.Recorder, eventID string) (events.EventReference, bool, error) {
	fail := func(err error) (events.EventReference, bool, error) {
		return events.EventReference{}, false, fmt.Errorf("outbox %s: look up event %s: %w", o.path, clip(eventID), err)
	}
	var first, seq int64
	var line1 []byte
	err := o.db.QueryRowContext(ctx, `SELECT e.first, v.seq, e.line1 FROM event v
		JOIN recorder r ON r.id = v.recorder
		JOIN envelope e ON e.recorder = v.recorder AND e.incarnation = v.incarnation AND e.first <= v.seq AND v.seq < e.first + e.count
		WHERE r.name = ? AND v.id = ? AND e.state = ?`, recorder.String(), eventID, stateAccepted).Scan(&first, &seq, &line1)
	if errors.Is(err, sql.ErrNoRows) {
		return events.EventReference{}, false, nil
	} else if err != nil {
		return fail(err)
	}
	envelope, err := events.ParseLine1(line1)
	if err != nil {
		return fail(err)
	}
	if at := seq - first; at < int64(len(envelope.Manifest.Events)) {
		digest := envelope.Manifest.Events[at]
		return events.EventReference{Recorder: recorder.String(), ID: eventID, Digest: digest.String()}, true, nil
	}
	return fail(errors.New("its envelope has fewer events than it was numbered for"))
}
