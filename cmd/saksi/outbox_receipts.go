package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type outboxReceiptsInput struct {
	atHome
	directory string
}

func outboxReceipts() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox receipts", Roles: []string{operators},
		Summary:  "write each receipt to a file, in the form of C2SP tlog-proof",
		Examples: []string{"saksi outbox receipts --home nimbus receipts", "saksi outbox receipts --json receipts"},
	}, func(in *outboxReceiptsInput, f *cmdline.Flags) {
		f.Argument(&in.directory, "DIRECTORY").File()
		in.atHome.bind(f)
	}, runOutboxReceipts)
}

func runOutboxReceipts(ctx context.Context, _ *cmdline.Session, in *outboxReceiptsInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		n, err := d.Outbox.ExportReceipts(ctx, in.directory)
		if err != nil {
			return nil, err
		}
		return cmdline.Pairs(map[string]any{"directory": in.directory, "written": n}, "directory", in.directory, "written", n), nil
	})
}
