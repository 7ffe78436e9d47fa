package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

const registryWait = 30 * time.Second

func operatorCommand() *cli.Command {
	return &cli.Command{
		Name: "operator", Usage: "admit, suspend, readmit and list operators", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "admit an operator by its request, and write the grant for it", ArgsUsage: "REQUEST",
				Flags: []cli.Flag{homeFlag(), stringFlag("country", "the `COUNTRY` that it is established in"),
					&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the grant to `FILE`"},
					timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: addOperator,
			},
			suspension("suspend", "stop an operator from publishing, and cut its connections", (*authority.Registrar).SuspendOperator),
			suspension("readmit", "end a suspension", (*authority.Registrar).ReadmitOperator),
			{Name: "list", Usage: "list operators", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: listOperators},
		},
	}
}

func addOperator(c *cli.Context) error {
	args, err := arguments(c, "REQUEST")
	if err != nil {
		return err
	}
	if err := required(c, "home", "country", "output"); err != nil {
		return err
	}
	request, err := home.ReadRequest(args[0])
	if err != nil {
		return err
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		grant, leaf, err := r.AddOperator(ctx, request, c.String("country"))
		if err != nil {
			return err
		}
		if err := home.WriteJSON(c.String("output"), grant, 0o644); err != nil {
			return err
		}
		return result{
			document: map[string]any{"operator": grant.Name, "leaf": leaf, "grant": c.String("output")},
			rows:     [][]any{{"operator", grant.Name}, {"leaf", leaf}, {"grant", c.String("output")}},
			note:     "Give the grant to the operator. Nothing in it is secret.",
		}.print(c)
	})
}

func suspension(name, use string, act func(*authority.Registrar, context.Context, string, string) (uint64, error)) *cli.Command {
	return &cli.Command{
		Name: name, Usage: use, ArgsUsage: "OPERATOR",
		Flags: []cli.Flag{homeFlag(), stringFlag("reason", "`WHY`, for the record"), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "OPERATOR")
			if err != nil {
				return err
			}
			if err := required(c, "reason"); err != nil {
				return err
			}
			return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
				leaf, err := act(r, ctx, args[0], c.String("reason"))
				if err != nil {
					return err
				}
				return leafResult("operator", args[0], leaf).print(c)
			})
		},
	}
}

// leafResult says at which leaf something was put on record.
func leafResult(what, name string, leaf uint64) result {
	return result{
		document: map[string]any{what: name, "leaf": leaf},
		rows:     [][]any{{what, name}, {"leaf", leaf}},
	}
}
