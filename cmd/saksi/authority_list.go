package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

func authorityList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "authority list", Roles: []string{regulator},
		Summary:  "list authorities and their mandates",
		Examples: []string{"saksi authority list --home authority", "saksi authority list --json"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runAuthorityList)
}

func runAuthorityList(_ context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	r, err := readRegistry(in.home)
	if err != nil {
		return nil, err
	}
	all := r.Authorities()
	slices.SortFunc(all, func(a, b admission.Authority) int { return cmp.Compare(a.Name, b.Name) })
	out := &cmdline.Result{Document: all, Columns: []string{"authority", "mandate", "admitted by", "key", "leaf"}}
	for _, a := range all {
		out.Rows = append(out.Rows, []any{a.Name, mandateText(a.Mandate), cmp.Or(a.AdmittedBy, "genesis"), string(a.Key)[:12], a.Leaf})
	}
	return out, nil
}
