package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func ordersCommand() *cli.Command {
	return &cli.Command{
		Name: "orders", Usage: "what authorities have ordered to be produced, and by when", Category: "operator",
		Description: "Of an operator's home: its own orders that are open, what is due first coming first. An authority and a supervisor see those of\n" +
			"their mandate by saksi view orders.",
		Flags: []cli.Flag{homeFlag(), &cli.BoolFlag{Name: "all", Usage: "those too of which nothing is left"}, formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return withOperator(c, func(d *operator.Client) error {
				orders, err := d.Orders(c.Context, c.Bool("all"))
				if err != nil {
					return err
				}
				out := result{document: orders, columns: []string{"order", "authority", "state", "due", "in", "recorder", "event", "left", "held"}}
				for _, o := range orders {
					out.rows = append(out.rows, []any{o.Number, o.Authority, o.State, o.Due.UTC().Format(time.RFC3339), dueIn(&o, time.Now()),
						o.Recorder, o.Event, fmt.Sprintf("%d of %d", o.Left, o.Asked), yesNo(o.Held)})
				}
				if len(orders) == 0 {
					out.note = "No order is open.\n"
				}
				return out.print(c)
			})
		},
	}
}

// dueIn words how long there is left for an order.
func dueIn(o *operator.Order, now time.Time) string {
	switch left := o.Due.Sub(now).Round(time.Second); {
	case !o.Open():
		return ""
	case left < 0:
		return "overdue " + (-left).String()
	default:
		return left.String()
	}
}

func produceCommand() *cli.Command {
	return &cli.Command{
		Name: "produce", Usage: "answer an authority's order, from what this home keeps", Category: "operator", ArgsUsage: "ORDER",
		Description: "ORDER is its number. Records of a committed batch, or what opens digests, are encrypted to the authority that ordered them, and\n" +
			"that they were handed over is said on record, with proofs that they belong to what was committed to. The exit status is 1 if\n" +
			"something that was ordered can't be produced; what can be is produced all the same.",
		Flags: []cli.Flag{homeFlag(), stringFlag("authority", "whose order it is, where `AUTHORITIES` have given the same number"), timeoutFlag(5 * time.Minute), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "ORDER")
			if err != nil {
				return err
			}
			return withOperator(c, func(d *operator.Client) error { return produceOrder(c, d, args[0]) })
		},
	}
}

func produceOrder(c *cli.Context, d *operator.Client, number string) error {
	ctx, cancel := withTimeout(c)
	defer cancel()
	order, err := d.FindOrder(ctx, c.String("authority"), number)
	if err != nil {
		return err
	}
	if !order.Open() {
		return result{document: operator.Produced{Order: order}, rows: [][]any{{"order", order.Number}, {"state", order.State}},
			note: "All that it asked for has been produced: there is nothing to do.\n"}.print(c)
	}
	reader, err := bodiesOf(d)
	if err != nil {
		return err
	}
	done, err := d.ProduceOrder(ctx, order, reader.Body)
	if err != nil {
		return err
	}
	flushed, err := flush(c, d, int64(done.Events))
	sent := 0
	if err == nil {
		sent, err = d.Disclose(ctx)
	}
	out := result{
		document: struct {
			*operator.Produced
			Messages int `json:"messages"`
			Flushed  any `json:"flushed"`
		}{done, sent, flushed},
		rows: append([][]any{{"order", order.Number}, {"authority", order.Authority}, {"produced", fmt.Sprintf("%d of %d", done.Produced, order.Asked)},
			{"messages sent", sent}}, flushRows(flushed)...),
	}
	for _, m := range done.Missing {
		out.note += fmt.Sprintf("missing: %s: %s\n", m.What, safetext.Line(m.Problem))
	}
	if err != nil {
		err = hinted{err, "nothing is lost: saksi outbox flush sends what waits"}
	}
	if err := errors.Join(out.print(c), err, rejectedError(flushed)); err != nil {
		return err
	}
	if n := len(done.Missing); n > 0 {
		return hinted{fmt.Errorf("%d thing%s that order %s asks for can't be produced from this home", n, strings.Repeat("s", min(1, n-1)), order.Number),
			"find the home that committed to it, or what was kept of it, and produce again before " + order.Due.UTC().Format(time.RFC3339)}
	}
	return nil
}
