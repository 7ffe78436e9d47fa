package operator

import (
	"context"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// AttestPeriod adds to the outbox what it and its receipts can show of a recorder's
// period: this is all there was. See [client.Outbox.Period].
func (d *Client) AttestPeriod(ctx context.Context, recorder events.Recorder, from, to time.Time) (events.PeriodAttested, client.Added, error) {
	p, id, err := d.Outbox.Period(ctx, recorder, from, to)
	if err != nil {
		return p, client.Added{}, err
	}
	event, err := vocabulary.AttestationPeriod.Of(p.Statement()).Event(recorder, vocabulary.Attributes{ID: id})
	if err != nil {
		return p, client.Added{}, err
	}
	added, err := d.Outbox.Add(ctx, recorder, []events.Draft{{Event: event}}, d.signers...)
	return p, added, err
}

// Attest adds an attestation to the outbox. What is wrong with it is said before it is
// signed.
func (d *Client) Attest(ctx context.Context, recorder events.Recorder, statement vocabulary.Said) (client.Added, error) {
	event, err := statement.Event(recorder, vocabulary.Attributes{})
	if err != nil {
		return client.Added{}, err
	}
	return d.Outbox.Add(ctx, recorder, []events.Draft{{Event: event}}, d.signers...)
}
