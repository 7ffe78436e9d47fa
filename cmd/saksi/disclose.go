package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/operator"
)

// sendDisclosures sends what waits, once its events are in the ledger.
func sendDisclosures(c *cli.Context, d *operator.Client) (int, error) {
	ctx, cancel := withTimeout(c)
	defer cancel()
	return d.Disclose(ctx)
}

func discloseFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "disclose", Usage: "encrypt what opens the digests to this `AUTHORITY`, and send it once the events are in the ledger; may be repeated; none: it is held", EnvVars: env("disclose")}
}

func discloseCommand() *cli.Command {
	return &cli.Command{
		Name: "disclose", Usage: "hand what opens the digests in chosen events to authorities", Category: "operator", ArgsUsage: "EVENT…",
		Description: "EVENT is the id of an event of the recorder. What was held of it is encrypted to each authority, whose recipient is proven by\n" +
			"the ledger, and kept on the ledger's erasable stream. With --order it is said on record that the order was answered.\n" +
			"--list shows the authorities that read disclosures, and their mandates.",
		Flags: []cli.Flag{homeFlag(), stringFlag("recorder", "the `FACILITY/RECORDER` that said the events"),
			&cli.StringSliceFlag{Name: "to", Usage: "the `AUTHORITY` that is to read it; may be repeated"}, stringFlag("order", "the `NUMBER` of the order that is answered"),
			&cli.StringSliceFlag{Name: "digest", Usage: "only what opens this `DIGEST`; may be repeated; none: all that is held of the event"},
			&cli.BoolFlag{Name: "list", Usage: "list the authorities that read disclosures"}, timeoutFlag(5 * time.Minute), formatFlag(), jsonFlag()},
		Action: runDisclose,
	}
}

func runDisclose(c *cli.Context) error {
	if c.Bool("list") {
		if _, err := arguments(c); err != nil {
			return err
		}
		return withOperator(c, func(d *operator.Client) error {
			all, err := d.Recipients(c.Context)
			if err != nil {
				return err
			}
			out := result{document: all, columns: []string{"authority", "facilities", "families", "recipient", "leaf"}}
			for _, r := range all {
				out.rows = append(out.rows, []any{r.Authority, strings.Join(r.Facilities, " "), strings.Join(r.Families, " "), r.Recipient, r.Leaf})
			}
			return out.print(c)
		})
	}
	if err := flagsBefore(c, " EVENT…"); err != nil {
		return err
	}
	if err := required(c, "recorder"); err != nil {
		return err
	}
	if c.NArg() == 0 || len(c.StringSlice("to")) == 0 {
		return usage("%s takes --to AUTHORITY, and one EVENT or more", c.Command.HelpName)
	}
	return withOperator(c, func(d *operator.Client) error {
		recorder, err := d.Recorder(c.String("recorder"))
		if err != nil {
			return err
		}
		ctx, cancel := withTimeout(c)
		defer cancel()
		if err := d.DiscloseTo(ctx, recorder.Facility, c.StringSlice("to")...); err != nil {
			return err
		}
		reader, err := bodiesOf(d)
		if err != nil {
			return err
		}
		facts := 0
		for _, id := range c.Args().Slice() {
			n, err := d.Produce(ctx, recorder, id, c.StringSlice("digest"), reader.Body)
			if err != nil {
				return err
			}
			facts += n
		}
		sent, err := d.Disclose(ctx)
		if err != nil {
			return hinted{err, "nothing is lost: saksi outbox flush sends what waits"}
		}
		if order := c.String("order"); order != "" {
			if err := d.AnswerOrder(ctx, recorder, order, c.StringSlice("to"), c.Args().Slice(), c.StringSlice("digest")); err != nil {
				return err
			}
			flushed, err := flush(c, d, int64(c.NArg()))
			if err := errors.Join(offline(err), rejectedError(flushed)); err != nil {
				return err
			}
		}
		return result{
			document: map[string]any{"events": c.NArg(), "disclosures": facts, "messages": sent},
			rows:     [][]any{{"events", c.NArg()}, {"disclosures", facts}, {"messages sent", sent}},
		}.print(c)
	})
}

// outboxErase forgets a person at the operator.
func outboxErase(c *cli.Context) error {
	args, err := arguments(c, "PSEUDONYM")
	if err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		ctx, cancel := context.WithTimeout(c.Context, time.Minute)
		defer cancel()
		n, known, err := d.ErasePseudonym(ctx, args[0])
		if err != nil {
			return err
		}
		if !known && n == 0 {
			return hinted{errors.New("the outbox knows nothing of " + args[0]), "it stands for nobody here, or was erased before"}
		}
		return result{
			document: map[string]any{"pseudonym": args[0], "known": known, "disclosures": n},
			rows:     [][]any{{"pseudonym", args[0]}, {"disclosures erased", n}},
		}.print(c)
	})
}
