package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func operatorSuspend() cmdline.Command {
	return operatorAct(cmdline.Command{
		Path: "operator suspend", Roles: []string{regulator},
		Summary: "stop an operator from publishing, and close its connections",
		Examples: []string{
			"saksi operator suspend --home authority --reason 'key under investigation' nimbus-my",
			"saksi operator suspend --reason 'licence ended' garuda-cloud",
		},
	}, (*authority.Registrar).SuspendOperator)
}

type operatorActInput struct {
	waiting
	operator, reason string
}

// operatorAct is a command that changes an operator's state.
func operatorAct(c cmdline.Command, act func(*authority.Registrar, context.Context, string, string) (uint64, error)) cmdline.Command {
	return cmdline.New(c, func(in *operatorActInput, f *cmdline.Flags) {
		f.Argument(&in.operator, "OPERATOR").Complete(completeNames(anOperator))
		f.String(&in.reason, "reason", "the `REASON`, for the record").Required()
		in.waiting.bind(f, registryWait)
	}, func(ctx context.Context, _ *cmdline.Session, in *operatorActInput) (*cmdline.Result, error) {
		if err := (names{dir: in.home}).check(anOperator, in.operator); err != nil {
			return nil, err
		}
		return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
			leaf, err := act(r, ctx, in.operator, in.reason)
			if err != nil {
				return nil, err
			}
			return leafResult("operator", in.operator, leaf), nil
		})
	})
}
