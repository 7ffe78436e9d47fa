package main

import (
	"cmp"
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
)

func tenantList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "tenant list", Roles: []string{regulator},
		Summary:  "list customers and their sectors",
		Examples: []string{"saksi tenant list --home authority", "saksi tenant list --json"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runTenantList)
}

func runTenantList(_ context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	r, err := readRegistry(in.home)
	if err != nil {
		return nil, err
	}
	all := r.Tenants()
	out := &cmdline.Result{Document: all, Columns: []string{"tenant", "operator", "sector", "country", "leaf"}}
	for _, t := range all {
		out.Rows = append(out.Rows, []any{t.Name, cmp.Or(t.Operator, "all"), t.Sector, t.Country, t.Leaf})
	}
	return out, nil
}
