package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

func keyCommand() *cli.Command {
	operatorFlag := stringFlag("operator", "whose key it is: an operator's `NAME`")
	return &cli.Command{
		Name: "key", Usage: "add and revoke operators' signing keys", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "let an operator sign with one more key, that of a request", ArgsUsage: "REQUEST",
				Flags: []cli.Flag{homeFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "REQUEST")
					if err != nil {
						return err
					}
					request, err := home.ReadRequest(args[0])
					if err != nil {
						return err
					}
					key, err := events.ParsePublicKey(request.Key)
					if err != nil {
						return err
					}
					return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
						leaf, err := r.AddKey(ctx, request.Name, key)
						if err != nil {
							return err
						}
						return leafResult("key", string(key.ID()), leaf).print(c)
					})
				},
			},
			{
				Name: "revoke", Usage: "end a key's validity from the next leaf on", ArgsUsage: "KEYID",
				Flags: []cli.Flag{homeFlag(), operatorFlag, stringFlag("reason", "`WHY`, for the record"),
					&cli.TimestampFlag{Name: "from", Usage: "the `TIME` from which what it signed is in doubt", Layout: time.RFC3339, EnvVars: env("from")},
					timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "KEYID")
					if err != nil {
						return err
					}
					if err := required(c, "operator", "reason"); err != nil {
						return err
					}
					var from time.Time
					if t := c.Timestamp("from"); t != nil {
						from = *t
					}
					return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
						leaf, err := r.RevokeKey(ctx, c.String("operator"), events.KeyID(args[0]), from, c.String("reason"))
						if err != nil {
							return err
						}
						return leafResult("key", args[0], leaf).print(c)
					})
				},
			},
		},
	}
}
