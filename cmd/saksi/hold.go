package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func holdCommand() *cli.Command {
	return &cli.Command{
		Name: "hold", Usage: "keep from erasure what a case needs", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "place", Usage: "place a legal hold", ArgsUsage: "NUMBER",
				Description: "Nothing that it covers is erased, on whatever order and after whatever retention, until it is released. What is not named\n" +
					"bounds nothing. Placed again under its number, it covers what is named then.",
				Flags: []cli.Flag{homeFlag(), stringFlag("ground", "on what `GROUND`, as a code"),
					&cli.StringSliceFlag{Name: "facility", Usage: "only what was said at this `FACILITY`; may be repeated"},
					&cli.StringSliceFlag{Name: "operator", Usage: "only what this `OPERATOR` said; may be repeated"},
					&cli.StringSliceFlag{Name: "actor", Usage: "only what names this `PSEUDONYM`; may be repeated"},
					stringFlag("from", "only what was received from this `TIME` on"), stringFlag("to", "only what was received before this `TIME`"),
					unknownFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: placeHold,
			},
			{
				Name: "release", Usage: "release one's own hold; what was ordered erased meanwhile is erased then", ArgsUsage: "NUMBER",
				Flags: []cli.Flag{homeFlag(), stringFlag("ground", "on what `GROUND`, as a code"), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "NUMBER")
					if err != nil {
						return err
					}
					if err := required(c, "ground"); err != nil {
						return err
					}
					return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
						leaf, err := r.ReleaseHold(ctx, args[0], c.String("ground"))
						if err != nil {
							return err
						}
						return leafResult("hold", args[0], leaf).print(c)
					})
				},
			},
			{Name: "list", Usage: "list the holds that last", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: listHolds},
		},
	}
}

func placeHold(c *cli.Context) error {
	args, err := arguments(c, "NUMBER")
	if err != nil {
		return err
	}
	if err := required(c, "ground"); err != nil {
		return err
	}
	hold := events.HoldPlaced{
		Hold: args[0], Facilities: c.StringSlice("facility"), Operators: c.StringSlice("operator"), Actors: c.StringSlice("actor"), Ground: c.String("ground"),
	}
	if err := named(c, hold.Operators, hold.Facilities); err != nil {
		return err
	}
	for name, at := range map[string]*events.Time{"from": &hold.From, "to": &hold.To} {
		if c.String(name) == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, c.String(name))
		if err != nil {
			return usage("--%s %q: want a time as 2026-11-23T08:00:00Z", name, c.String(name))
		}
		*at = events.At(t)
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		leaf, err := r.PlaceHold(ctx, hold)
		if err != nil {
			return err
		}
		return leafResult("hold", args[0], leaf).print(c)
	})
}

func listHolds(c *cli.Context) error {
	r, err := registry(c)
	if err != nil {
		return err
	}
	all := r.Holds()
	out := result{document: all, columns: []string{"hold", "by", "covers", "from", "to", "ground", "leaf"}}
	for _, h := range all {
		var covers []string
		for what, names := range map[string][]string{"facility": h.Facilities, "operator": h.Operators, "actor": h.Actors} {
			if len(names) > 0 {
				covers = append(covers, what+" "+strings.Join(names, ", "))
			}
		}
		if len(covers) == 0 {
			covers = append(covers, "everything")
		}
		out.rows = append(out.rows, []any{h.Hold, h.By, strings.Join(covers, "; "), moment(h.From), moment(h.To), h.Ground, h.Leaf})
	}
	return out.print(c)
}

func moment(t events.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
