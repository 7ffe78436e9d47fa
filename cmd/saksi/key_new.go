package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/home"
)

type keyNewInput struct {
	atHome
	keyInput
}

func keyNew() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "key new", Roles: []string{operators, customer},
		Summary:  "make one more signing key for this home, and a request for the authority; the key that signs stays the same",
		Text:     passphraseHelp,
		Examples: []string{"saksi key new --home nimbus", "saksi key new --algorithm ecdsa-p256 --encrypt"},
	}, func(in *keyNewInput, f *cmdline.Flags) {
		in.keyInput.bind(f)
		in.atHome.bind(f)
	}, runKeyNew)
}

func runKeyNew(_ context.Context, _ *cmdline.Session, in *keyNewInput) (*cmdline.Result, error) {
	h, err := openParty(in.home)
	if err != nil {
		return nil, err
	}
	request, key, err := h.NewKey(in.spec())
	if err != nil {
		return nil, err
	}
	fingerprint := home.Fingerprint(key)
	out := cmdline.Pairs(map[string]any{"request": request, "keyid": key.ID(), "fingerprint": fingerprint},
		"key", string(key.ID()), "request", request, "fingerprint", fingerprint)
	out.Note = "Give the request to the authority, for saksi key add. Then saksi key use signs with it."
	return out, nil
}
