package main

import (
	"context"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/countersign/witness"
)

type witnessAddInput struct {
	atHome
	key, origin string
}

func witnessAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "witness add", Roles: []string{auditor},
		Summary: "cosign a ledger, by its verifier key; a witness that runs takes it up at once",
		Examples: []string{
			"saksi witness add --home witness ledger.example.my/saksi/2026+a1b2c3d4+AXfnJ0",
			"saksi witness add --home witness --origin ledger.example.my/saksi/2026 ledger.example.my+a1b2c3d4+AXfnJ0",
		},
	}, func(in *witnessAddInput, f *cmdline.Flags) {
		f.Argument(&in.key, "LOGKEY")
		f.String(&in.origin, "origin", "the `NAME` in the checkpoints, if it differs from the key's")
		in.atHome.bind(f)
	}, runWitnessAdd)
}

func runWitnessAdd(_ context.Context, _ *cmdline.Session, in *witnessAddInput) (*cmdline.Result, error) {
	h, _, err := openWitness(in.home)
	if err != nil {
		return nil, err
	}
	origin := in.origin
	if origin == "" {
		origin, _, _ = strings.Cut(in.key, "+")
	}
	if err := witness.Add(h.LogsDir(), witness.Origin{Origin: origin, Key: in.key}); err != nil {
		return nil, err
	}
	return cmdline.Pairs(map[string]string{"origin": origin, "key": in.key}, "cosigns", origin), nil
}
