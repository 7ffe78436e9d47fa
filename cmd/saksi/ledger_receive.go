package main

import (
	"context"
	"os"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type ledgerReceiveInput struct {
	waiting
	file, reply string
	force       bool
}

func ledgerReceive() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "ledger receive", Roles: []string{nodes},
		Summary: "take in what saksi outbox export has written, and write the reply",
		Text: "The ledger judges it as if it had come over the network. The reply holds a receipt for each envelope, and is taken in at the operator's by " +
			"saksi outbox receive. Receiving a file again takes in nothing twice.",
		Examples: []string{
			"saksi ledger receive --home authority --reply site-7.reply site-7.saksi",
			"saksi ledger receive --reply site-7.reply --force site-7.saksi",
		},
	}, func(in *ledgerReceiveInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE").File()
		f.String(&in.reply, "reply", "write the reply to `FILE`").File().Required()
		f.Bool(&in.force, "force", "write over a reply that is there already")
		in.waiting.bind(f, registryWait)
	}, runLedgerReceive)
}

func runLedgerReceive(ctx context.Context, _ *cmdline.Session, in *ledgerReceiveInput) (*cmdline.Result, error) {
	reply, err := output("reply", in.reply, in.force, in.file)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(in.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		var received *authority.ParcelReceived
		err := reply.write(func(f *os.File) error {
			var err error
			received, err = r.Receive(ctx, file, f)
			return err
		})
		if err != nil {
			return nil, err
		}
		return cmdline.Pairs(received, "operator", received.Party, "envelopes", received.Envelopes, "accepted", received.Accepted,
			"rejected", received.Rejected, "reply", in.reply), nil
	})
}
