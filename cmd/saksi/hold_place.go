package main

import (
	"context"
	"errors"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type holdPlaceInput struct {
	waiting
	number, ground, from, to      string
	facilities, operators, actors []string
	unknown                       bool
}

func holdPlace() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "hold place", Roles: []string{regulator},
		Summary: "place a legal hold",
		Text: "Nothing that the hold covers is erased, on whatever order and after whatever retention, until it is released. A flag that is not given " +
			"limits nothing. Placed again under its number, the hold covers what is named then.",
		Examples: []string{
			"saksi hold place --home authority --ground investigation --facility lab-1 --operator nimbus-my case-17",
			"saksi hold place --ground investigation --actor p-7f3a9c --from 2026-11-01 --to 2026-12-01 --tz Asia/Kuala_Lumpur case-18",
		},
	}, func(in *holdPlaceInput, f *cmdline.Flags) {
		f.Argument(&in.number, "NUMBER")
		groundFlag(f, &in.ground)
		f.Strings(&in.facilities, "facility", "only what was recorded at this `FACILITY`").Complete(completeNames(aFacility))
		f.Strings(&in.operators, "operator", "only what this `OPERATOR` published").Complete(completeNames(anOperator))
		f.Strings(&in.actors, "actor", "only what names this `PSEUDONYM`")
		f.String(&in.from, "from", "only what was received from this `TIME` on")
		f.String(&in.to, "to", "only what was received before this `TIME`")
		unknownFlag(f, &in.unknown)
		f.Zone()
		in.waiting.bind(f, registryWait)
	}, runHoldPlace)
}

func runHoldPlace(ctx context.Context, s *cmdline.Session, in *holdPlaceInput) (*cmdline.Result, error) {
	hold := events.HoldPlaced{Hold: in.number, Facilities: in.facilities, Operators: in.operators, Actors: in.actors, Ground: in.ground}
	known := names{in.home, in.unknown}
	if err := errors.Join(known.check(anOperator, hold.Operators...), known.check(aFacility, hold.Facilities...)); err != nil {
		return nil, err
	}
	atFacility(s, in.home, in.facilities...)
	from, err := s.Time("from", in.from, time.Time{})
	if err != nil {
		return nil, err
	}
	to, err := s.Time("to", in.to, time.Time{})
	if err != nil {
		return nil, err
	}
	if !from.IsZero() {
		hold.From = events.At(from)
	}
	if !to.IsZero() {
		hold.To = events.At(to)
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := r.PlaceHold(ctx, hold)
		if err != nil {
			return nil, err
		}
		return leafResult("hold", in.number, leaf), nil
	})
}
