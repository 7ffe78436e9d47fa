package operator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/publish"
	"github.com/saksi-ledger/saksi/events/schema"
	"github.com/saksi-ledger/saksi/schemas"
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

// Attest adds an attestation to the outbox, after holding it to its schema: what is
// wrong is said before it is signed.
func (d *Desk) Attest(ctx context.Context, recorder events.Recorder, eventType string, statement any) (publish.Added, error) {
	var id [16]byte
	rand.Read(id[:])
	event, err := events.NewEvent(recorder, eventType, hex.EncodeToString(id[:]), time.Now().Truncate(time.Millisecond), statement, rand.Reader)
	if err != nil {
		return publish.Added{}, err
	}
	line, err := event.Marshal()
	if err != nil {
		return publish.Added{}, err
	}
	rules, err := schema.Compile(schemas.CurrentRuleset())
	if err != nil {
		return publish.Added{}, err
	}
	if err := rules.ValidateEvent(eventType, line); err != nil {
		return publish.Added{}, err
	}
	return d.Outbox.Add(ctx, recorder, []events.Draft{{Event: event}}, d.signer)
}
