package main

import (
	"context"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type orderListInput struct {
	atHome
	all bool
}

func orderList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "order list", Old: []string{"orders"}, Roles: []string{operators},
		Summary: "list what authorities have ordered from this operator, and by when",
		Text: "Open orders, the one that is due first coming first. An authority and a supervisor see the orders of their mandate with " +
			"saksi view orders.",
		Examples: []string{"saksi order list --home nimbus", "saksi order list --all --json"},
	}, func(in *orderListInput, f *cmdline.Flags) {
		f.Bool(&in.all, "all", "also those that are answered in full")
		in.atHome.bind(f)
		f.Zone()
	}, runOrderList)
}

func runOrderList(ctx context.Context, s *cmdline.Session, in *orderListInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		orders, err := d.Orders(ctx, in.all)
		if err != nil {
			return nil, err
		}
		out := &cmdline.Result{
			Document: orders, Columns: []string{"order", "authority", "state", "due", "in", "recorder", "event", "left", "held"},
			Collapsible: []string{"authority", "event", "held", "in"},
		}
		for _, o := range orders {
			out.Rows = append(out.Rows, []any{o.Number, o.Authority, o.State, s.Stamp(o.Due), dueIn(&o, time.Now()),
				o.Recorder, o.Event, fmt.Sprintf("%d of %d", o.Left, o.Asked), cmdline.YesNo(o.Held)})
		}
		if len(orders) == 0 {
			out.Note = "No order is open."
		}
		return out, nil
	})
}

// dueIn says how long there is left for an order.
func dueIn(o *operator.Order, now time.Time) string {
	left := o.Due.Sub(now)
	switch {
	case !o.Open():
		return ""
	case left < 0: // before it is rounded: what is overdue by less than a second is overdue
		return "overdue " + (-left).Round(time.Second).String()
	default:
		return left.Round(time.Second).String()
	}
}
