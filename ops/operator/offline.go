package operator

import (
	"context"
	"io"

	"github.com/saksi-ledger/saksi/ledger/client"
)

// Export writes what waits in the outbox, for a ledger that can't be reached from here.
func (d *Client) Export(ctx context.Context, w io.Writer) (envelopes, count int, err error) {
	return d.Outbox.Export(ctx, d.config.Log, d.config.Party, w)
}

// Receive takes in the ledger's reply to it.
func (d *Client) Receive(ctx context.Context, r io.Reader) (client.Received, error) {
	return d.Outbox.Receive(ctx, d.config.Log, r)
}
