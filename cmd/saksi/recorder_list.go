package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

func recorderList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "recorder list", Roles: []string{regulator},
		Summary:  "list recorders",
		Examples: []string{"saksi recorder list --home authority", "saksi recorder list --json"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runRecorderList)
}

func runRecorderList(_ context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	r, err := readRegistry(in.home)
	if err != nil {
		return nil, err
	}
	all := r.Recorders()
	slices.SortFunc(all, func(a, b admission.Recorder) int { return cmp.Compare(a.Name, b.Name) })
	out := &cmdline.Result{Document: all, Columns: []string{"recorder", "kind", "attests every", "signatures", "leaf"}}
	for _, one := range all {
		every := "never"
		if one.AttestEverySeconds > 0 {
			every = (time.Duration(one.AttestEverySeconds) * time.Second).String()
		}
		out.Rows = append(out.Rows, []any{one.Name, one.Kind, every, one.Signatures, one.Leaf})
	}
	return out, nil
}
