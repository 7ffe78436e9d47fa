package main

import (
	"context"
	"os"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type outboxExportInput struct {
	atHome
	file  string
	force bool
}

func outboxExport() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox export", Roles: []string{operators},
		Summary: "write what waits to a file, for a site without a network",
		Text: "Bring the file to the authority: saksi ledger receive takes it in and writes a reply, which saksi outbox receive takes in here. What is in " +
			"the file goes on waiting until then, and does no harm if it is sent twice.",
		Examples: []string{"saksi outbox export --home nimbus site-7.saksi", "saksi outbox export --force site-7.saksi"},
	}, func(in *outboxExportInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE").File()
		f.Bool(&in.force, "force", "write over a file that is there already")
		in.atHome.bind(f)
	}, runOutboxExport)
}

func runOutboxExport(ctx context.Context, _ *cmdline.Session, in *outboxExportInput) (*cmdline.Result, error) {
	file, err := output("", in.file, in.force)
	if err != nil {
		return nil, err
	}
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		var envelopes, events int
		err := file.write(func(f *os.File) error {
			var err error
			envelopes, events, err = d.Export(ctx, f)
			return err
		})
		if err != nil {
			return nil, err
		}
		return cmdline.Pairs(map[string]any{"file": in.file, "envelopes": envelopes, "events": events},
			"file", in.file, "envelopes", envelopes, "events", events), nil
	})
}
