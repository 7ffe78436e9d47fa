package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type tenantAddInput struct {
	waiting
	alias, sector, operator, country string
	unknown                          bool
}

func tenantAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "tenant add", Roles: []string{regulator},
		Summary: "declare a customer's sector, by the alias that events have",
		Text: "From then on whoever supervises the sector sees what touches the customer, earlier touches too. Operators choose aliases: " +
			"with --operator the declaration is for that operator's alias alone, and counts before one for all operators. Declared again, " +
			"a customer gets the new sector.",
		Examples: []string{
			"saksi tenant add --home authority --sector banking bank-03",
			"saksi tenant add --sector health --operator nimbus-my --country MY clinic-7",
		},
	}, func(in *tenantAddInput, f *cmdline.Flags) {
		f.Argument(&in.alias, "ALIAS")
		f.String(&in.sector, "sector", "the `SECTOR` that supervises the customer: a code, such as banking").Required()
		f.String(&in.operator, "operator", "the only `OPERATOR` whose alias it is (default all)").Complete(completeNames(anOperator))
		f.String(&in.country, "country", "the `COUNTRY` where the customer is established, two capital letters")
		unknownFlag(f, &in.unknown)
		in.waiting.bind(f, registryWait)
	}, runTenantAdd)
}

func runTenantAdd(ctx context.Context, _ *cmdline.Session, in *tenantAddInput) (*cmdline.Result, error) {
	if err := (names{in.home, in.unknown}).check(anOperator, in.operator); err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := r.AddTenant(ctx, events.TenantDeclared{Tenant: in.alias, Operator: in.operator, Sector: in.sector, Country: in.country})
		if err != nil {
			return nil, err
		}
		return leafResult("tenant", in.alias, leaf), nil
	})
}
