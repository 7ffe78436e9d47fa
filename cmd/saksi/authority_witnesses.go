package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type authorityWitnessesInput struct {
	waiting
	policy, reason string
}

func authorityWitnesses() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "authority witnesses", Roles: []string{nodes},
		Summary: "ask other witnesses to cosign from now on, and demand another quorum",
		Text: "POLICY is a file in the form of C2SP tlog-policy, as for saksi init --witness-policy, or none. What is cosigned stays cosigned. " +
			"Auditors believe the policy of their own trust file, whatever the registry says: tell them.",
		Examples: []string{
			"saksi authority witnesses --home authority --reason 'a third witness' witnesses.policy",
			"saksi authority witnesses --reason 'the witness has ended' none",
		},
	}, func(in *authorityWitnessesInput, f *cmdline.Flags) {
		f.Argument(&in.policy, "POLICY|none").File()
		f.String(&in.reason, "reason", "the `REASON`, for the record").Required()
		in.waiting.bind(f, registryWait)
	}, runAuthorityWitnesses)
}

func runAuthorityWitnesses(ctx context.Context, _ *cmdline.Session, in *authorityWitnessesInput) (*cmdline.Result, error) {
	policy := ""
	if in.policy != "none" {
		var err error
		if policy, err = genesisPolicy(in.policy); err != nil {
			return nil, err
		}
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := r.AdoptWitnesses(ctx, policy, in.reason)
		if err != nil {
			return nil, err
		}
		return leafResult("witness policy", in.policy, leaf), nil
	})
}
