package main

import (
	"context"
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func ledgerCommand() *cli.Command {
	return &cli.Command{
		Name: "ledger", Usage: "take in what sites without a network have sent", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{{
			Name: "receive", Usage: "take in what saksi outbox export has written, and write the reply", ArgsUsage: "FILE",
			Description: "The ledger judges it as if it had come over the network. The reply holds a receipt for each envelope, and is taken in at the\n" +
				"operator's by saksi outbox receive. Receiving a file again takes in nothing twice.",
			Flags:  []cli.Flag{homeFlag(), &cli.StringFlag{Name: "reply", Usage: "write the reply to `FILE`", TakesFile: true}, forceFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
			Action: receiveParcel,
		}},
	}
}

func receiveParcel(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	if err := required(c, "home", "reply"); err != nil {
		return err
	}
	reply, err := output(c, "reply", c.String("reply"), args[0])
	if err != nil {
		return err
	}
	in, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		var received *authority.ParcelReceived
		err := reply.write(func(f *os.File) error {
			var err error
			received, err = r.Receive(ctx, in, f)
			return err
		})
		if err != nil {
			return err
		}
		return result{
			document: received,
			rows:     [][]any{{"operator", received.Party}, {"envelopes", received.Envelopes}, {"accepted", received.Accepted}, {"rejected", received.Rejected}, {"reply", c.String("reply")}},
		}.print(c)
	})
}

func outboxExport(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	parcel, err := output(c, "", args[0])
	if err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		var envelopes, events int
		err := parcel.write(func(f *os.File) error {
			var err error
			envelopes, events, err = d.Export(c.Context, f)
			return err
		})
		if err != nil {
			return err
		}
		return result{
			document: map[string]any{"file": args[0], "envelopes": envelopes, "events": events},
			rows:     [][]any{{"file", args[0]}, {"envelopes", envelopes}, {"events", events}},
		}.print(c)
	})
}

func outboxReceive(c *cli.Context) error {
	args, err := arguments(c, "REPLY")
	if err != nil {
		return err
	}
	in, name, err := openInput(c, args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	return withOperator(c, func(d *operator.Client) error {
		received, err := d.Receive(c.Context, in)
		if err != nil {
			return err
		}
		out := result{
			document: received,
			rows:     [][]any{{"reply", name}, {"receipts verified", received.Receipts}, {"events", received.Events}, {"rejected", received.Rejected}, {"known already", received.Known}},
		}
		if err := out.print(c); err != nil {
			return err
		}
		if received.Rejected > 0 {
			return hinted{errors.New("the ledger has rejected some of it, on the record"), "saksi outbox status says why"}
		}
		return nil
	})
}
