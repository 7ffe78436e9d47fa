package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func outboxForget() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox forget", Roles: []string{operators},
		Summary:  "drop rejected envelopes, so that their events can be imported again under another recorder",
		Text:     "The ledger's record of the rejection stays, and so does its proof.",
		Examples: []string{"saksi outbox forget --home nimbus", "saksi outbox forget --json"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runOutboxForget)
}

func runOutboxForget(ctx context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		forgotten := 0
		for {
			status, err := d.Outbox.Status(ctx)
			if err != nil {
				return nil, err
			}
			var manifests []events.Digest
			for _, r := range status.Recorders {
				for _, rejected := range r.Rejected {
					manifests = append(manifests, rejected.Manifest)
				}
			}
			if len(manifests) == 0 {
				return cmdline.Pairs(map[string]any{"forgotten": forgotten}, "envelopes forgotten", forgotten), nil
			}
			n, err := d.Outbox.Forget(ctx, manifests...)
			if err != nil {
				return nil, err
			}
			forgotten += n
		}
	})
}
