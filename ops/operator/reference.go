package operator

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// Reference names an event that the ledger has accepted from here, with the digest
// that its manifest signed. The outbox forgets bodies once there is a receipt, so body
// asks the ledger for its own copy, by leaf, and is believed no further than the
// manifest that the receipt is of.
func (d *Client) Reference(ctx context.Context, recorder events.Recorder, eventID string, body func(ctx context.Context, leaf uint64) ([]byte, error)) (events.EventReference, error) {
	line, err := d.line(ctx, recorder, eventID, body)
	if err != nil {
		return events.EventReference{}, err
	}
	return events.EventReference{Recorder: recorder.String(), ID: eventID, Digest: events.DigestOf(line).String()}, nil
}

// line returns the line of an event that the ledger has accepted from here.
func (d *Client) line(ctx context.Context, recorder events.Recorder, eventID string, body func(ctx context.Context, leaf uint64) ([]byte, error)) ([]byte, error) {
	receipt, found, err := d.Outbox.ReceiptOf(ctx, recorder, eventID)
	switch {
	case err != nil:
		return nil, err
	case !found || receipt.Code != "":
		return nil, fmt.Errorf("%s has said no event %q that the ledger has accepted", recorder, eventID)
	}
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("read event %q in leaf %d: %w", eventID, receipt.Proof.Index, err)
	}
	copied, err := body(ctx, receipt.Proof.Index)
	if err != nil {
		return fail(err)
	}
	envelope, err := events.ParseEnvelope(copied)
	switch {
	case err != nil:
		return fail(err)
	case envelope.ManifestDigest() != receipt.Manifest:
		return fail(fmt.Errorf("the ledger gave the body of manifest %s, and the receipt is of %s", envelope.ManifestDigest(), receipt.Manifest))
	}
	for i, line := range envelope.Lines {
		event, err := events.ParseEvent(line)
		if err != nil || event.ID != eventID {
			continue
		}
		if events.DigestOf(line) != envelope.Manifest.Events[i] {
			return fail(fmt.Errorf("it is not the one whose digest was signed"))
		}
		return line, nil
	}
	return fail(fmt.Errorf("it is not there any more"))
}
