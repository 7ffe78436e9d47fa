package main

import (
	"context"
	"errors"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type outboxReceiveInput struct {
	atHome
	reply string
}

func outboxReceive() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox receive", Roles: []string{operators},
		Summary:  "take in the reply to an exported file",
		Text:     "Every receipt in it is verified, and so is that the ledger goes on from what this outbox has seen of it. For -, the reply is read from standard input.",
		Examples: []string{"saksi outbox receive --home nimbus site-7.reply", "saksi outbox receive --json -"},
	}, func(in *outboxReceiveInput, f *cmdline.Flags) {
		f.Argument(&in.reply, "REPLY").File()
		in.atHome.bind(f)
	}, runOutboxReceive)
}

func runOutboxReceive(ctx context.Context, s *cmdline.Session, in *outboxReceiveInput) (*cmdline.Result, error) {
	file, name, err := s.Open(in.reply)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		received, err := d.Receive(ctx, file)
		if err != nil {
			return nil, err
		}
		out := cmdline.Pairs(received, "reply", name, "receipts verified", received.Receipts, "events", received.Events,
			"rejected", received.Rejected, "known already", received.Known)
		if received.Rejected > 0 {
			return out, hint.With(errors.New("the ledger has rejected some of it, on the record"), "saksi outbox status says why")
		}
		return out, nil
	})
}
