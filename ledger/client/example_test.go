package client_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// What a program does that has events to publish: keep them first, a chunk at a
// time, then bring them to the ledger and wait for the receipts.
func Example() {
	run := func(ctx context.Context, log *formats.Log, recorder events.Recorder, drafts []events.Draft, signer *events.Signer) error {
		outbox, err := client.Open(ctx, "outbox.db", client.Options{})
		if err != nil {
			return err
		}
		defer outbox.Close()
		c, err := client.Dial(ctx, client.Config{
			NATSURL: "tls://broker.example.my", CredsFile: "nimbus-my.creds",
			HTTP: "https://ledger.example.my/saksi/2026", Log: log, Party: recorder.Party(),
		})
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Prepare(ctx, outbox, recorder); err != nil {
			return err
		}
		for chunk := range slices.Chunk(drafts, 5000) {
			if _, err := outbox.Add(ctx, recorder, chunk, signer); err != nil {
				return err
			}
		}
		result, err := c.Flush(ctx, outbox, client.FlushOptions{})
		fmt.Printf("%d events are proven to be in the ledger\n", result.Events)
		return err
	}
	_ = run
}
