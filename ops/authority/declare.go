package authority

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// Declare declares many facilities and recorders at once, in as few envelopes as
// they fit in. Of an envelope the ledger takes all or nothing.
func (r *Registrar) Declare(ctx context.Context, facilities []events.FacilityDeclared, recorders []events.RecorderDeclared) error {
	var drafts []events.Draft
	add := func(said vocabulary.Said) error {
		event, err := said.Event(r.recorder(), vocabulary.Attributes{})
		drafts = append(drafts, events.Draft{Event: event})
		return err
	}
	for _, f := range facilities {
		if err := add(vocabulary.FacilityDeclared.Of(f)); err != nil {
			return fmt.Errorf("declare facility %s: %w", f.Facility, err)
		}
	}
	for _, d := range recorders {
		if err := add(vocabulary.RecorderDeclared.Of(d)); err != nil {
			return fmt.Errorf("declare recorder %s: %w", d.Recorder, err)
		}
	}
	if r.signer == nil {
		return lost(r.name)
	}
	if err := r.client.Prepare(ctx, r.outbox, r.recorder()); err != nil {
		return unreachable(err)
	}
	if _, err := r.outbox.Add(ctx, r.recorder(), drafts, r.signer); err != nil {
		return err
	}
	if _, err := r.client.Flush(ctx, r.outbox, client.FlushOptions{}); err != nil {
		return unreachable(err)
	}
	for _, d := range drafts {
		receipt, ok, err := r.outbox.ReceiptOf(ctx, r.recorder(), d.Event.ID)
		switch {
		case err != nil:
			return err
		case ok && receipt.Code != "":
			return r.rejected(ctx, receipt)
		case !ok:
			return fmt.Errorf("the ledger has no answer yet about a %s", d.Event.Type)
		}
	}
	return nil
}
