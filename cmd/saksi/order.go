package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func orderCommand() *cli.Command {
	return &cli.Command{
		Name: "order", Usage: "order an operator to open a commitment, or what it holds of an event", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{{
			Name: "produce", Usage: "order records of a committed batch, or disclosures of an event", ArgsUsage: "LEAF/EVENT",
			Description: "LEAF/EVENT is the commitment, or the event whose digests are to be opened. The operator answers with access.produced, or by saksi\n" +
				"disclose --order. What doesn't come by the time set is a finding, and so is what comes late, or doesn't belong to what was committed to.",
			Flags: []cli.Flag{homeFlag(), stringFlag("number", "the order's `NUMBER`"), stringFlag("recorder", "the `OPERATOR/FACILITY/RECORDER` that said the event"),
				&cli.StringFlag{Name: "records", Usage: "`INDEXES` within the batch, from 0: 0,5,7"},
				&cli.StringSliceFlag{Name: "digest", Usage: "what opens this `DIGEST`, as the event has it in _sd; may be repeated"},
				&cli.StringFlag{Name: "due", Usage: "by this `TIME`, or after a span such as 72h"}, stringFlag("ground", "on what `GROUND`, as a code"),
				&cli.BoolFlag{Name: "unknown", Usage: "give the order though nobody could carry it out, as far as the ledger tells"},
				timeoutFlag(registryWait), formatFlag(), jsonFlag()},
			Action: orderProduction,
		}, {
			Name: "open", Usage: "read the records that were produced on an order", ArgsUsage: "NUMBER",
			Description: "That they are read is put on record first, where the operator sees it: saksi view reveals. What was produced is decrypted\n" +
				"here, and each record is held to the root that was committed to. The exit status is 1 if something is missing or wrong.",
			Flags:  []cli.Flag{homeFlag(), stringFlag("ground", "on what `GROUND`, as a code; it stands in the record"), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
			Action: openProduced,
		}},
	}
}

func orderProduction(c *cli.Context) error {
	args, err := arguments(c, "LEAF/EVENT")
	if err != nil {
		return err
	}
	if err := required(c, "number", "recorder", "due", "ground"); err != nil {
		return err
	}
	leaf, place, err := parseTarget(args[0])
	if err != nil {
		return err
	}
	if place == nil {
		return usage("%s takes LEAF/EVENT, as %d/0", c.Command.HelpName, leaf)
	}
	order := events.ProductionOrdered{
		Order: c.String("number"), Recorder: c.String("recorder"), Ground: c.String("ground"), Disclosures: c.StringSlice("digest"),
		Event: events.RefFields{Leaf: events.Integer(leaf), Event: events.Integer(*place)},
	}
	if span, err := time.ParseDuration(c.String("due")); err == nil {
		order.Due = events.At(time.Now().Add(span).Truncate(time.Second))
	} else if due, err := time.Parse(time.RFC3339, c.String("due")); err == nil {
		order.Due = events.At(due)
	} else {
		return usage("--due %q: want a time as 2026-12-01T08:00:00Z, or a span as 72h", c.String("due"))
	}
	if text := c.String("records"); text != "" {
		for _, one := range strings.Split(text, ",") {
			n, err := strconv.ParseUint(strings.TrimSpace(one), 10, 53)
			if err != nil {
				return usage("--records %q: want numbers from 0, with commas between", text)
			}
			order.Records = append(order.Records, events.Integer(n))
		}
	}
	if len(order.Records) == 0 == (len(order.Disclosures) == 0) {
		return usage("%s takes either --records or --digest", c.Command.HelpName)
	}
	if !c.Bool("unknown") && !order.Due.After(time.Now()) {
		return usage("--due %s is past: nobody could answer in time", c.String("due"))
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		if !c.Bool("unknown") {
			if err := r.CheckProduction(ctx, order); err != nil {
				return hinted{err, "nothing was ordered; saksi view orders has the orders there are, and --unknown gives this one all the same"}
			}
		}
		leaf, err := r.OrderProduction(ctx, order)
		if err != nil {
			return err
		}
		return leafResult("order", order.Order, leaf).print(c)
	})
}

func openProduced(c *cli.Context) error {
	args, err := arguments(c, "NUMBER")
	if err != nil {
		return err
	}
	if err := required(c, "ground"); err != nil {
		return err
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		opened, err := r.OpenProduced(ctx, args[0], c.String("ground"))
		if err != nil {
			return err
		}
		type record struct {
			authority.OpenedRecord
			Native string `json:"native"`
		}
		document := struct {
			*authority.Opened
			Records []record `json:"records"`
		}{opened, []record{}}
		out := result{columns: []string{"record", "answer", "native"}}
		for _, one := range opened.Records {
			document.Records = append(document.Records, record{one, string(one.Native)})
			out.rows = append(out.rows, []any{one.Index, one.Answer, safetext.Line(string(one.Native))})
		}
		out.document = document
		out.note = fmt.Sprintf("On record as leaf %d, where the operator sees it. Each record belongs to what event %s committed to.\n", opened.Leaves[0], opened.Event)
		for _, problem := range opened.Problems {
			out.note += "wrong: " + safetext.Line(problem) + "\n"
		}
		if err := out.print(c); err != nil {
			return err
		}
		if n := len(opened.Problems); n > 0 {
			return fmt.Errorf("%d of what was produced on order %s is missing or wrong", n, opened.Order)
		}
		return nil
	})
}
