package main

import (
	"context"
	"fmt"

	"filippo.io/torchwood"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/home"
)

type witnessInitInput struct{ home, name string }

func witnessInit() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "witness init", Roles: []string{auditor},
		Summary: "make a witness: its key, which never leaves",
		Text: "A witness states of each checkpoint that it continues all that the witness has seen of that ledger before. It remembers what it cosigned in its " +
			"home, which must be on one machine, and never be restored from a copy.",
		Examples: []string{"saksi witness init --home witness witness.example.org", "saksi witness init --home /var/lib/saksi-witness --json witness.example.org"},
	}, func(in *witnessInitInput, f *cmdline.Flags) {
		f.Argument(&in.name, "NAME")
		f.NewHome(&in.home)
		f.Format()
	}, runWitnessInit)
}

func runWitnessInit(_ context.Context, _ *cmdline.Session, in *witnessInitInput) (*cmdline.Result, error) {
	if _, err := home.NewWitness(in.home, in.name); err != nil {
		return nil, err
	}
	_, signer, err := openWitness(in.home)
	if err != nil {
		return nil, err
	}
	key := signer.Verifier().String()
	out := cmdline.Pairs(map[string]string{"name": in.name, "key": key}, "witness", in.name, "key", key)
	out.Note = "The key goes into ledgers' witness policies and auditors' trust files. Name the ledgers with saksi witness add, and run it with\n" +
		"saksi witness serve. Never restore " + in.home + " from a copy: make a new witness instead."
	return out, nil
}

// openWitness returns a home, and what signs in it.
func openWitness(dir string) (*home.Witness, *torchwood.CosignatureSigner, error) {
	h, err := home.OpenWitness(dir)
	if err != nil {
		return nil, nil, err
	}
	key, err := h.Key()
	if err != nil {
		return nil, nil, err
	}
	signer, err := torchwood.NewCosignatureSigner(h.Name, key)
	if err != nil {
		return nil, nil, fmt.Errorf("witness %s: %w", h.Name, err)
	}
	return h, signer, nil
}
