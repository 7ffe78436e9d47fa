package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type holdReleaseInput struct {
	waiting
	number, ground string
}

func holdRelease() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "hold release", Roles: []string{regulator},
		Summary: "release one's own hold; what was ordered erased meanwhile is erased then",
		Examples: []string{
			"saksi hold release --home authority --ground case-closed case-17",
			"saksi hold release --ground case-closed --json case-18",
		},
	}, func(in *holdReleaseInput, f *cmdline.Flags) {
		f.Argument(&in.number, "NUMBER").Complete(completeHolds)
		groundFlag(f, &in.ground)
		in.waiting.bind(f, registryWait)
	}, runHoldRelease)
}

func runHoldRelease(ctx context.Context, _ *cmdline.Session, in *holdReleaseInput) (*cmdline.Result, error) {
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := r.ReleaseHold(ctx, in.number, in.ground)
		if err != nil {
			return nil, err
		}
		return leafResult("hold", in.number, leaf), nil
	})
}

// completeHolds offers the holds that last.
func completeHolds(so cmdline.Partial) []cmdline.Candidate {
	r, err := readRegistry(so.Home)
	if err != nil {
		return nil
	}
	var list []cmdline.Candidate
	for _, h := range r.Holds() {
		list = append(list, cmdline.Candidate{Value: h.Hold, About: h.Ground})
	}
	return list
}
