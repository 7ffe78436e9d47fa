package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

func witnessList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "witness list", Roles: []string{auditor},
		Summary:  "list what is cosigned, and how far",
		Examples: []string{"saksi witness list --home witness", "saksi witness list --home witness --json"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runWitnessList)
}

func runWitnessList(_ context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	h, signer, err := openWitness(in.home)
	if err != nil {
		return nil, err
	}
	self, err := formats.NewCosigner(signer.Verifier().String())
	if err != nil {
		return nil, err
	}
	logs, err := witness.List(h.LogsDir(), self)
	if err != nil {
		return nil, err
	}
	out := &cmdline.Result{
		Document: map[string]any{"name": h.Name, "key": self.Key(), "url": h.URL(), "logs": logs},
		Columns:  []string{"log", "size", "refused", "key"}, Collapsible: []string{"key"},
		Note: "witness " + self.Key(),
	}
	for _, l := range logs {
		out.Rows = append(out.Rows, []any{l.Origin.Origin, l.Size, l.Evidence, l.Key})
	}
	return out, nil
}
