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
					stringFlag("name", "its `NAME` for people, such as \"Johor Campus 1\"; a later declaration changes it from then on"),
					stringFlag("state", "the `STATE` or province"), stringFlag("address", "the postal `ADDRESS`, on one line"),
					&cli.StringSliceFlag{Name: "region", Usage: "what a provider calls its `REGION`, such as ap-southeast-5; may be repeated"},
					stringFlag("time-zone", "its `ZONE` in the IANA database, such as Asia/Kuala_Lumpur; none: that of a country with one"),
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
							Name: c.String("name"), State: c.String("state"), Address: c.String("address"), Regions: c.StringSlice("region"), TimeZone: c.String("time-zone"),
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
