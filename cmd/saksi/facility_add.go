package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type facilityAddInput struct {
	waiting
	facility, country, landlord, name, state, address, timeZone string
	occupants, regions                                          []string
	unknown                                                     bool
}

func facilityAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "facility add", Roles: []string{regulator},
		Summary: "declare a facility under one name for everyone",
		Examples: []string{
			"saksi facility add --home authority --country MY lab-1",
			"saksi facility add --country MY --name 'Johor Campus 1' --state Johor --region ap-southeast-5 --time-zone Asia/Kuala_Lumpur jhb-1",
			"saksi facility add --country MY --landlord landlord-my --occupant nimbus-my --occupant garuda-cloud jhb-2",
		},
	}, func(in *facilityAddInput, f *cmdline.Flags) {
		f.Argument(&in.facility, "FACILITY")
		f.String(&in.country, "country", "the `COUNTRY` where the facility stands, two capital letters").Required()
		f.String(&in.landlord, "landlord", "the `OPERATOR` that owns the building").Complete(completeNames(anOperator))
		f.Strings(&in.occupants, "occupant", "an `OPERATOR` in the building").Complete(completeNames(anOperator))
		f.String(&in.name, "name", "the facility's `NAME` for people, such as \"Johor Campus 1\"; a later declaration changes it from then on")
		f.String(&in.state, "state", "the `STATE` or province")
		f.String(&in.address, "address", "the postal `ADDRESS`, on one line")
		f.Strings(&in.regions, "region", "what a provider calls its `REGION`, such as ap-southeast-5")
		f.String(&in.timeZone, "time-zone", "its `ZONE` in the IANA database, such as Asia/Kuala_Lumpur (default: that of a country with one)")
		unknownFlag(f, &in.unknown)
		in.waiting.bind(f, registryWait)
	}, runFacilityAdd)
}

func runFacilityAdd(ctx context.Context, _ *cmdline.Session, in *facilityAddInput) (*cmdline.Result, error) {
	if err := (names{in.home, in.unknown}).check(anOperator, append(in.occupants, in.landlord)...); err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := r.AddFacility(ctx, events.FacilityDeclared{
			Facility: in.facility, Country: in.country, Landlord: in.landlord, Occupants: in.occupants,
			Name: in.name, State: in.state, Address: in.address, Regions: in.regions, TimeZone: in.timeZone,
		})
		if err != nil {
			return nil, err
		}
		return leafResult("facility", in.facility, leaf), nil
	})
}
