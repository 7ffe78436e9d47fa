package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func recorderCommand() *cli.Command {
	return &cli.Command{
		Name: "recorder", Usage: "declare, retire and list recorders", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "declare a source of record", ArgsUsage: "OPERATOR/FACILITY/RECORDER",
				Flags: []cli.Flag{homeFlag(),
					stringFlag("kind", "`WHAT` it observes: control-plane, bastion, badge, approvals, hypervisor, dcim, other"),
					&cli.DurationFlag{Name: "attest-every", Usage: "how often it must attest: a `TIME` such as 1h", EnvVars: env("attest-every")},
					&cli.IntFlag{Name: "signatures", Usage: "signatures demanded of each envelope: 1 or 2", Value: 1, EnvVars: env("signatures")},
					timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "OPERATOR/FACILITY/RECORDER")
					if err != nil {
						return err
					}
					if err := required(c, "kind"); err != nil {
						return err
					}
					return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
						leaf, err := r.AddRecorder(ctx, events.RecorderDeclared{
							Recorder: args[0], Kind: events.RecorderKind(c.String("kind")),
							AttestEverySeconds: events.Integer(c.Duration("attest-every") / time.Second),
							Signatures:         events.Integer(c.Int("signatures")),
						})
						if err != nil {
							return err
						}
						return leafResult("recorder", args[0], leaf).print(c)
					})
				},
			},
			retirement("recorder", (*authority.Registrar).RetireRecorder),
			{Name: "list", Usage: "list recorders", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: listRecorders},
		},
	}
}
