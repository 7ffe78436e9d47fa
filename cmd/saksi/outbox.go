package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func outboxCommand() *cli.Command {
	return &cli.Command{
		Name: "outbox", Usage: "what waits for a receipt, and what has one", Category: "operator",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{Name: "status", Usage: "what waits, was rejected, or has its receipt", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: outboxStatus},
			{
				Name: "flush", Usage: "send what waits, and wait for receipts",
				Flags: []cli.Flag{homeFlag(), &cli.BoolFlag{Name: "resend", Usage: "send rejected envelopes again, too"},
					timeoutFlag(time.Hour), formatFlag(), jsonFlag()},
				Action: outboxFlush,
			},
			{
				Name: "forget", Usage: "drop rejected envelopes, so that their events can be imported again under another recorder",
				Description: "The ledger's record of the rejection stays, and so does its proof.",
				Flags:       []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: outboxForget,
			},
			{
				Name: "restart", Usage: "begin a recorder's next incarnation: its numbers start at 1 again", ArgsUsage: "FACILITY/RECORDER",
				Description: "For when numbers are missing for good, since what had them was rejected and forgotten: attest period can't swear to that\n" +
					"incarnation any more. Everybody sees that another one begins. What waits must have its receipt before.",
				Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: outboxRestart,
			},
			{
				Name: "erase", Usage: "forget who a pseudonym stands for, and what opens the digests in events that name it", ArgsUsage: "PSEUDONYM",
				Description: "The events stay in the ledger, with a pseudonym that stands for nobody; whoever acts again gets another.",
				Flags:       []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: outboxErase,
			},
			outboxEvidenceCommand(),
			{Name: "receipts", Usage: "write each receipt to a file, as a C2SP tlog-proof", ArgsUsage: "DIRECTORY", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: outboxReceipts},
			{
				Name: "export", Usage: "write what waits to a file, for a site without a network", ArgsUsage: "FILE",
				Description: "Bring the file to the authority: saksi ledger receive takes it in and writes a reply, which saksi outbox receive takes in here.\n" +
					"What is in it goes on waiting until then, and does no harm if it is sent twice.",
				Flags: []cli.Flag{homeFlag(), forceFlag(), formatFlag(), jsonFlag()}, Action: outboxExport,
			},
			{
				Name: "receive", Usage: "take in the reply to an exported file", ArgsUsage: "REPLY",
				Description: "Every receipt in it is verified, and so is that the ledger goes on from what this outbox has seen of it.",
				Flags:       []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: outboxReceive,
			},
		},
	}
}

func outboxStatus(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		status, err := d.Outbox.Status(c.Context)
		if err != nil {
			return err
		}
		out := result{document: status, columns: []string{"recorder", "incarnation", "next", "waiting", "oldest", "receipts", "rejected", "disclosures"}}
		for _, r := range status.Recorders {
			oldest := ""
			if !r.Oldest.IsZero() {
				oldest = time.Since(r.Oldest).Round(time.Second).String()
			}
			out.rows = append(out.rows, []any{
				r.Recorder, r.Incarnation, r.Next, counted(r.Pending.Events, "event", "events"), oldest,
				fmt.Sprintf("%d for %s", r.Receipts.Envelopes, counted(r.Receipts.Events, "event", "events")), r.RejectedCount, r.Disclosures,
			})
			for _, rejected := range r.Rejected {
				out.note += fmt.Sprintf("rejected: %s events %d to %d, leaf %d: %s %s\n",
					r.Recorder, rejected.First, rejected.First+rejected.Count-1, rejected.Leaf, rejected.Code, safetext.Line(rejected.Reason))
			}
			if r.Stale != "" {
				out.note += fmt.Sprintf("stale: %s: %s\n", r.Recorder, safetext.Line(r.Stale))
			}
		}
		if status.Evidence > 0 {
			out.note += fmt.Sprintf("The ledger has contradicted itself: %d pairs of checkpoints are kept: saksi outbox evidence writes them to files.\n", status.Evidence)
		}
		return out.print(c)
	})
}

func outboxFlush(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		status, err := d.Outbox.Status(c.Context)
		if err != nil {
			return err
		}
		var pending int64
		for _, r := range status.Recorders {
			pending += r.Pending.Events
		}
		flushed, err := flush(c, d, pending)
		if err == nil {
			_, err = sendDisclosures(c, d)
		}
		if err := errors.Join(result{document: flushed, rows: flushRows(flushed)}.print(c), offline(err)); err != nil {
			return err
		}
		return rejectedError(flushed)
	})
}

func outboxForget(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		forgotten := 0
		for {
			status, err := d.Outbox.Status(c.Context)
			if err != nil {
				return err
			}
			var manifests []events.Digest
			for _, r := range status.Recorders {
				for _, rejected := range r.Rejected {
					manifests = append(manifests, rejected.Manifest)
				}
			}
			if len(manifests) == 0 {
				return result{document: map[string]any{"forgotten": forgotten}, rows: [][]any{{"envelopes forgotten", forgotten}}}.print(c)
			}
			n, err := d.Outbox.Forget(c.Context, manifests...)
			if err != nil {
				return err
			}
			forgotten += n
		}
	})
}

func outboxRestart(c *cli.Context) error {
	args, err := arguments(c, "FACILITY/RECORDER")
	if err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		recorder, err := d.Recorder(args[0])
		if err != nil {
			return err
		}
		incarnation, err := d.Outbox.Restart(c.Context, recorder)
		if err != nil {
			return err
		}
		return result{
			document: map[string]any{"recorder": recorder.String(), "incarnation": incarnation},
			rows:     [][]any{{"recorder", recorder.String()}, {"incarnation", incarnation}},
		}.print(c)
	})
}

func outboxReceipts(c *cli.Context) error {
	args, err := arguments(c, "DIRECTORY")
	if err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		n, err := d.Outbox.ExportReceipts(c.Context, args[0])
		if err != nil {
			return err
		}
		return result{
			document: map[string]any{"directory": args[0], "written": n},
			rows:     [][]any{{"directory", args[0]}, {"written", n}},
		}.print(c)
	})
}
