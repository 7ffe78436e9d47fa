package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

type operatorAddInput struct {
	waiting
	grantInput
	request, country string
}

func operatorAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "operator add", Roles: []string{regulator},
		Summary: "admit an operator by its request, and write the grant for it",
		Examples: []string{
			"saksi operator add --home authority --country MY --output nimbus.grant nimbus/request.json",
			"saksi operator add --country SG -o garuda.grant garuda-request.json",
		},
	}, func(in *operatorAddInput, f *cmdline.Flags) {
		f.Argument(&in.request, "REQUEST").File()
		f.String(&in.country, "country", "the `COUNTRY` where the operator is established, two capital letters").Required()
		in.grantInput.bind(f)
		in.waiting.bind(f, registryWait)
	}, runOperatorAdd)
}

func runOperatorAdd(ctx context.Context, _ *cmdline.Session, in *operatorAddInput) (*cmdline.Result, error) {
	request, err := home.ReadRequest(in.request)
	if err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		grant, leaf, err := r.AddOperator(ctx, request, in.country)
		if err != nil {
			return nil, err
		}
		note, err := in.write(grant)
		if err != nil {
			return nil, err
		}
		out := cmdline.Pairs(map[string]any{"operator": grant.Name, "leaf": leaf, "grant": in.output},
			"operator", grant.Name, "leaf", leaf, "grant", in.output)
		out.Note = "Give the grant to the operator. Nothing in it is secret." + note
		return out, nil
	})
}
