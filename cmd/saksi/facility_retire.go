package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func facilityRetire() cmdline.Command {
	return retirement(cmdline.Command{
		Path: "facility retire", Roles: []string{regulator},
		Summary: "end a facility: nothing more from it is accepted, until it is declared again",
		Examples: []string{
			"saksi facility retire --home authority --reason 'building sold' lab-1",
			"saksi facility retire --reason 'lease ended' jhb-2",
		},
	}, aFacility, (*authority.Registrar).RetireFacility)
}

type retireInput struct {
	waiting
	name, reason string
}

// retirement is a command that ends a facility or a recorder.
func retirement(c cmdline.Command, k kind, act func(*authority.Registrar, context.Context, string, string) (uint64, error)) cmdline.Command {
	return cmdline.New(c, func(in *retireInput, f *cmdline.Flags) {
		f.Argument(&in.name, "NAME").Complete(completeNames(k))
		f.String(&in.reason, "reason", "the `REASON`, for the record").Required()
		in.waiting.bind(f, registryWait)
	}, func(ctx context.Context, _ *cmdline.Session, in *retireInput) (*cmdline.Result, error) {
		if err := (names{dir: in.home}).check(k, in.name); err != nil {
			return nil, err
		}
		return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
			leaf, err := act(r, ctx, in.name, in.reason)
			if err != nil {
				return nil, err
			}
			return leafResult(string(k), in.name, leaf), nil
		})
	})
}
