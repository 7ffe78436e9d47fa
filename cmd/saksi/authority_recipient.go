package main

import (
	"context"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type authorityRecipientInput struct {
	waiting
	reason string
}

func authorityRecipient() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "authority recipient", Roles: []string{regulator},
		Summary: "read disclosures with a new identity from now on; what is kept for the old one is encrypted again",
		Text:    "No retention becomes longer by it. After an interruption the same command goes on.",
		Examples: []string{
			"saksi authority recipient --home authority --reason 'yearly rotation'",
			"saksi authority recipient --reason 'laptop lost' --timeout 30m",
		},
	}, func(in *authorityRecipientInput, f *cmdline.Flags) {
		f.String(&in.reason, "reason", "the `REASON`, for the record")
		in.waiting.bind(f, eraseWait)
	}, runAuthorityRecipient)
}

func runAuthorityRecipient(ctx context.Context, _ *cmdline.Session, in *authorityRecipientInput) (*cmdline.Result, error) {
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		done, err := r.RotateRecipient(ctx, in.reason)
		if err != nil {
			return nil, err
		}
		out := cmdline.Pairs(done, "recipient", done.Recipient, "leaf", done.Leaf, "encrypted anew", done.Reencrypted.Done)
		if done.Reencrypted.Failed > 0 {
			out.Rows = append(out.Rows, cmdline.Pair("opened by nobody", done.Reencrypted.Failed))
			out.Note = "What claims to be for the old identity and does not open with it stays as it is: " +
				safetext.Line(strings.Join(done.Reencrypted.Named[:min(3, len(done.Reencrypted.Named))], "; "))
		}
		return out, nil
	})
}
