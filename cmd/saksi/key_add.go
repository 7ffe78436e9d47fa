package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

type keyAddInput struct {
	waiting
	request string
}

func keyAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "key add", Roles: []string{regulator},
		Summary:  "let an operator sign with one more key, that of a request",
		Examples: []string{"saksi key add --home authority nimbus/request-2.json", "saksi key add --json nimbus-request-2.json"},
	}, func(in *keyAddInput, f *cmdline.Flags) {
		f.Argument(&in.request, "REQUEST").File()
		in.waiting.bind(f, registryWait)
	}, runKeyAdd)
}

func runKeyAdd(ctx context.Context, _ *cmdline.Session, in *keyAddInput) (*cmdline.Result, error) {
	request, err := home.ReadRequest(in.request)
	if err != nil {
		return nil, err
	}
	key, err := events.ParsePublicKey(request.Key)
	if err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := r.AddKey(ctx, request.Name, key)
		if err != nil {
			return nil, err
		}
		return leafResult("key", string(key.ID()), leaf), nil
	})
}
