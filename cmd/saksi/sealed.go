package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func sealedCommand() *cli.Command {
	return &cli.Command{
		Name: "sealed", Usage: "read what was sealed to this authority", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{{
			Name: "open", Usage: "open a sealed event", ArgsUsage: "LEAF/EVENT",
			Description: "That it is read, and on what ground, is put on record first, where the operator sees it. What is within had no admission of its\n" +
				"own: what is wrong with it is said.",
			Flags: []cli.Flag{homeFlag(), &cli.StringFlag{Name: "ground", Aliases: []string{"reason"}, Usage: "on what `GROUND`, as a code; it stands in the record", EnvVars: env("ground")},
				stringFlag("order", "the `NUMBER` of the order"), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
			Action: openSealed,
		}},
	}
}

func openSealed(c *cli.Context) error {
	args, err := arguments(c, "LEAF/EVENT")
	if err != nil {
		return err
	}
	if err := required(c, "ground"); err != nil {
		return err
	}
	leaf, place, err := parseTarget(args[0])
	if err != nil {
		return err
	}
	if place == nil {
		return usage("%s takes LEAF/EVENT, as %d/0", c.Command.HelpName, leaf)
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		opened, err := r.OpenSealed(ctx, args[0], c.String("ground"), c.String("order"))
		if err != nil {
			return err
		}
		var event any
		if json.Unmarshal(opened.Event, &event) != nil {
			event = safetext.Line(string(opened.Event))
		}
		out := result{
			document: map[string]any{"ref": opened.Ref, "leaf": opened.Leaf, "type": opened.Type, "event": event, "problem": opened.Problem},
			rows:     [][]any{{"sealed event", opened.Ref}, {"type", safetext.Line(opened.Type)}, {"event", safetext.Line(string(opened.Event))}},
			note:     fmt.Sprintf("On record as leaf %d, where the operator sees it.\n", opened.Leaf),
		}
		if opened.Problem != "" {
			out.rows = append(out.rows, []any{"wrong with it", safetext.Line(opened.Problem)})
		}
		return out.print(c)
	})
}
