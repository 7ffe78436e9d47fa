package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

func operatorList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "operator list", Roles: []string{regulator},
		Summary:  "list operators",
		Examples: []string{"saksi operator list --home authority", "saksi operator list --json"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runOperatorList)
}

func runOperatorList(_ context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	r, err := readRegistry(in.home)
	if err != nil {
		return nil, err
	}
	all := r.Operators()
	slices.SortFunc(all, func(a, b admission.Operator) int { return cmp.Compare(a.Name, b.Name) })
	out := &cmdline.Result{Document: all, Columns: []string{"operator", "country", "suspended", "leaf"}}
	for _, o := range all {
		out.Rows = append(out.Rows, []any{o.Name, o.Country, cmdline.YesNo(o.Suspended), o.Leaf})
	}
	return out, nil
}
