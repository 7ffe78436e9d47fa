package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
)

type keyUseInput struct {
	atHome
	ids []string
}

func keyUse() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "key use", Roles: []string{operators, customer},
		Summary: "sign with another key of this home from now on, or with several",
		Text: "KEYID may be cut short. The authority must have added the key: what it signs is rejected otherwise. Two keys sign each envelope together, " +
			"for recorders of which the authority demands two signatures.",
		Examples: []string{"saksi key use --home nimbus 4f2a", "saksi key use 4f2a 91bc"},
	}, func(in *keyUseInput, f *cmdline.Flags) {
		f.Rest(&in.ids, "KEYID", 1).Complete(completeOwnKeys)
		in.atHome.bind(f)
	}, runKeyUse)
}

// completeOwnKeys offers the keys of a home.
func completeOwnKeys(so cmdline.Partial) []cmdline.Candidate {
	h, err := openParty(so.Home)
	if err != nil {
		return nil
	}
	keys, err := h.Keys()
	if err != nil {
		return nil
	}
	var list []cmdline.Candidate
	for _, k := range keys {
		list = append(list, cmdline.Candidate{Value: string(k.ID), About: string(k.Algorithm)})
	}
	return list
}

func runKeyUse(_ context.Context, _ *cmdline.Session, in *keyUseInput) (*cmdline.Result, error) {
	h, err := openParty(in.home)
	if err != nil {
		return nil, err
	}
	keys, err := h.UseKeys(in.ids...)
	if err != nil {
		return nil, err
	}
	var ids []events.KeyID
	out := &cmdline.Result{}
	for _, key := range keys {
		ids = append(ids, key.ID())
		out.Rows = append(out.Rows, cmdline.Pair("key", string(key.ID())))
	}
	out.Document = map[string]any{"keyids": ids}
	return out, nil
}
