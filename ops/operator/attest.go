package operator

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/publish"
)

// AttestPeriod adds to the outbox what it and its receipts can show of a recorder's
// period: this is all there was. See [publish.Outbox.Period].
func (d *Desk) AttestPeriod(ctx context.Context, recorder events.Recorder, from, to time.Time) (events.PeriodAttested, publish.Added, error) {
	p, id, err := d.Outbox.Period(ctx, recorder, from, to)
	if err != nil {
		return p, publish.Added{}, err
	}
	event, err := events.NewEvent(recorder, events.TypeAttestationPeriod, id, time.Now(), p.Statement(), rand.Reader)
	if err != nil {
		return p, publish.Added{}, err
	}
	added, err := d.Outbox.Add(ctx, recorder, []events.Draft{{Event: event}}, d.signer)
	return p, added, err
}
