package client

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/retry"
)

// sealedSchema holds disclosures that are on their way, encrypted when they were added:
// they are sent when the ledger has the event, and forgotten when the broker has them.
// The disclosures themselves stay with the operator.
const sealedSchema = `
CREATE TABLE sealed(id INTEGER PRIMARY KEY, recorder INTEGER NOT NULL, event TEXT NOT NULL, subject TEXT NOT NULL, message BLOB NOT NULL);
CREATE INDEX sealed_event ON sealed(recorder, event);
`

// seal encrypts what opens an event's digests to the draft's recipients.
func sealDraft(recorder events.Recorder, d events.Draft, line []byte) (subject string, message []byte, err error) {
	m, err := disclosed.Seal(recorder, line, d.Disclosures, d.Recipients)
	if err != nil {
		return "", nil, err
	}
	message, err = m.Marshal()
	return disclosed.Subject(recorder, d.Event.Actor()), message, err
}

// AddDisclosures puts disclosures of an event, which the ledger has accepted, on their
// way to some recipients. line is the event's. They are sent by [Client.Disclose].
func (o *Outbox) AddDisclosures(ctx context.Context, recorder events.Recorder, line []byte, list []events.Disclosure, recipients []string) error {
	fail := func(err error) error {
		return fmt.Errorf("add disclosures of %s to outbox %s: %w", recorder, o.path, err)
	}
	event, err := events.ParseEvent(line)
	if err != nil {
		return fail(err)
	}
	subject, message, err := sealDraft(recorder, events.Draft{Event: event, Disclosures: list, Recipients: recipients}, line)
	if err != nil {
		return fail(err)
	}
	o.addMu.Lock()
	defer o.addMu.Unlock()
	err = o.write(ctx, func(tx *sql.Tx) error {
		row, err := selectRecorder(ctx, tx, recorder)
		if err != nil {
			return err
		}
		if row == nil {
			return errors.New("this outbox has never said anything for that recorder")
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO sealed(recorder, event, subject, message) VALUES(?, ?, ?, ?)", row.id, event.ID, subject, message)
		return err
	})
	if err != nil {
		return fail(err)
	}
	return nil
}

// disclosePage is how many disclosures are in flight at a time.
const disclosePage = 64

// Disclose sends the disclosures whose events the ledger has accepted, until the broker
// has acknowledged all of them, and returns how many it has. What an acknowledgement was
// missed for is sent again. A broker that is away is waited for until ctx ends.
func (c *Client) Disclose(ctx context.Context, o *Outbox) (int, error) {
	sent := 0
	for {
		page, err := o.sealedPage(ctx, c.config.Party)
		if err != nil {
			return sent, fmt.Errorf("outbox %s: read disclosures: %w", o.path, err)
		}
		if len(page) == 0 {
			return sent, nil
		}
		s, err := c.open(ctx, func(error) {})
		if err != nil {
			return sent, fmt.Errorf("send disclosures: %w", err)
		}
		messages := make([]*nats.Msg, len(page))
		for i, m := range page {
			messages[i] = nats.NewMsg(m.subject)
			messages[i].Data = m.message
			messages[i].Header.Set(nats.MsgIdHdr, events.DigestOf(m.message).String())
			messages[i].Header.Set(disclosed.HeaderEvent, events.Ref{Leaf: m.leaf, Event: m.place}.String())
		}
		var refusal error
		progress := 0
		for i, out := range s.publish(ctx, messages) {
			if out.err != nil {
				refusal = out.err
				continue
			}
			if err := o.write(ctx, func(tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, "DELETE FROM sealed WHERE id = ?", page[i].id)
				return err
			}); err != nil {
				return sent, fmt.Errorf("outbox %s: %w", o.path, err)
			}
			sent++
			progress++
		}
		if refusal != nil && progress == 0 {
			if err := ctx.Err(); err != nil || s.refusedErr() != nil || !errors.Is(refusal, nats.ErrConnectionClosed) {
				return sent, fmt.Errorf("send disclosures: %w", refusal)
			}
			if err := retry.Sleep(ctx, backoff.First); err != nil {
				return sent, fmt.Errorf("send disclosures: %w", refusal)
			}
		}
	}
}

type sealedRow struct {
	id      int64
	subject string
	message []byte
	// leaf and place are those of the event, by its receipt.
	leaf  uint64
	place int
}

// sealedPage returns the first disclosures that may be sent.
func (o *Outbox) sealedPage(ctx context.Context, party string) ([]sealedRow, error) {
	rows, err := o.db.QueryContext(ctx, `SELECT s.id, s.subject, s.message, t.leaf_index, e.seq - v.first FROM sealed s
		JOIN recorder r ON r.id = s.recorder
		JOIN event e ON e.recorder = s.recorder AND e.id = s.event
		JOIN envelope v ON v.recorder = e.recorder AND v.incarnation = e.incarnation AND e.seq BETWEEN v.first AND v.first + v.count - 1
		JOIN receipt t ON t.envelope = v.id
		WHERE v.state = ? AND t.checkpoint > `+ofFormer+` AND substr(r.name, 1, ?) = ? ORDER BY s.id LIMIT ?`, stateAccepted, len(party)+1, party+"/", disclosePage)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page []sealedRow
	for rows.Next() {
		var r sealedRow
		if err := rows.Scan(&r.id, &r.subject, &r.message, &r.leaf, &r.place); err != nil {
			return nil, err
		}
		page = append(page, r)
	}
	return page, rows.Err()
}

// ErasePseudonym forgets who a pseudonym stands for, and all disclosures of the given
// events, also those on their way, overwriting them in the file. It returns how many
// disclosures there were, and whether the pseudonym was known.
func (o *Outbox) ErasePseudonym(ctx context.Context, pseudonym string, of []EventName) (disclosures int, known bool, err error) {
	principal, known, err := o.Principal(ctx, pseudonym)
	if err != nil {
		return 0, false, err
	}
	if known {
		if _, err := o.ErasePrincipal(ctx, principal); err != nil {
			return 0, false, err
		}
	}
	for _, e := range of {
		n, err := o.EraseDisclosures(ctx, e.Recorder, e.ID)
		disclosures += n
		if err != nil {
			return disclosures, known, err
		}
	}
	return disclosures, known, nil
}

// EventName names an event of a recorder.
type EventName struct {
	Recorder events.Recorder
	ID       string
}

// PlaceOf returns an event's place in its envelope, from 0.
func (o *Outbox) PlaceOf(ctx context.Context, recorder events.Recorder, eventID string) (int, error) {
	var place int
	err := o.db.QueryRowContext(ctx, `SELECT e.seq - v.first FROM event e JOIN recorder r ON r.id = e.recorder
		JOIN envelope v ON v.recorder = e.recorder AND v.incarnation = e.incarnation AND e.seq BETWEEN v.first AND v.first + v.count - 1
		WHERE r.name = ? AND e.id = ?`, recorder.String(), eventID).Scan(&place)
	if err != nil {
		return 0, fmt.Errorf("outbox %s: look for event %s: %w", o.path, clip(eventID), err)
	}
	return place, nil
}
