package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type outboxRestartInput struct {
	atHome
	recorder string
}

func outboxRestart() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox restart", Roles: []string{operators},
		Summary: "begin a recorder's next incarnation: its numbers start at 1 again",
		Text: "For when numbers are missing for good, since what had them was rejected and forgotten: attest period can't attest to that incarnation any " +
			"more. Everybody sees that another one begins. What waits must have its receipt before.",
		Examples: []string{"saksi outbox restart --home nimbus lab-1/badges", "saksi outbox restart --json lab-1/badges"},
	}, func(in *outboxRestartInput, f *cmdline.Flags) {
		f.Argument(&in.recorder, "FACILITY/RECORDER").Complete(completeOwnRecorders)
		in.atHome.bind(f)
	}, runOutboxRestart)
}

func runOutboxRestart(ctx context.Context, _ *cmdline.Session, in *outboxRestartInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		recorder, err := d.Recorder(in.recorder)
		if err != nil {
			return nil, err
		}
		incarnation, err := d.Outbox.Restart(ctx, recorder)
		if err != nil {
			return nil, err
		}
		return cmdline.Pairs(map[string]any{"recorder": recorder.String(), "incarnation": incarnation},
			"recorder", recorder.String(), "incarnation", incarnation), nil
	})
}
