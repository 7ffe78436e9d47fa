package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type findingResolveInput struct {
	waiting
	finding, outcome, note string
}

func findingResolve() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "finding resolve", Roles: []string{regulator},
		Summary: "settle a finding",
		Examples: []string{
			"saksi finding resolve --home authority --outcome explained sequence-gap/nimbus-my/lab-1/badges/1/4",
			"saksi finding resolve --outcome sanctioned --note 'case 17' sequence-gap/nimbus-my/lab-1/badges/1/4",
		},
	}, func(in *findingResolveInput, f *cmdline.Flags) {
		f.Argument(&in.finding, "FINDING").Complete(completeFindings)
		f.String(&in.outcome, "outcome", "what came of it, the `OUTCOME`: explained, remedied, unfounded, accepted or sanctioned").Required().
			Complete(cmdline.OneOf("explained", "remedied", "unfounded", "accepted", "sanctioned"))
		noteFlag(f, &in.note)
		in.waiting.bind(f, registryWait)
	}, func(ctx context.Context, _ *cmdline.Session, in *findingResolveInput) (*cmdline.Result, error) {
		return in.settle(ctx, in.finding, func(ctx context.Context, r *authority.Registrar, facility string) (uint64, error) {
			return r.ResolveFinding(ctx, events.FindingResolved{
				Finding: in.finding, Facility: facility, Outcome: events.FindingOutcome(in.outcome), Note: in.note,
			})
		})
	})
}
