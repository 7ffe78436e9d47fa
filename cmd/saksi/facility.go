package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func facilityCommand() *cli.Command {
	return &cli.Command{
		Name: "facility", Usage: "declare, retire and list facilities", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "declare a facility under one id for everyone", ArgsUsage: "NAME",
				Flags: []cli.Flag{homeFlag(), stringFlag("country", "the `COUNTRY` that it stands in"),
					stringFlag("landlord", "the `OPERATOR` that owns the building"),
					&cli.StringSliceFlag{Name: "occupant", Usage: "an `OPERATOR` in it; may be repeated"},
					unknownFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					args, err := arguments(c, "NAME")
					if err != nil {
						return err
					}
					if err := required(c, "country"); err != nil {
						return err
					}
					if err := named(c, append(c.StringSlice("occupant"), c.String("landlord")), nil); err != nil {
						return err
					}
					return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
						leaf, err := r.AddFacility(ctx, events.FacilityDeclared{
							Facility: args[0], Country: c.String("country"), Landlord: c.String("landlord"), Occupants: c.StringSlice("occupant"),
						})
						if err != nil {
							return err
						}
						return leafResult("facility", args[0], leaf).print(c)
					})
				},
			},
			retirement("facility", (*authority.Registrar).RetireFacility),
			{Name: "list", Usage: "list facilities", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: listFacilities},
		},
	}
}
