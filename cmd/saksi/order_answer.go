package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type orderAnswerInput struct {
	waiting
	number, authority string
}

func orderAnswer() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "order answer", Old: []string{"produce"}, Roles: []string{operators},
		Summary: "produce what an authority has ordered, from what this home keeps",
		Text: "Records of a committed batch, or what opens digests, are encrypted to the authority that ordered them. It is put on record that they were " +
			"produced, with proofs that they belong to what was committed to. The exit status is 1 if something that was ordered can't be " +
			"produced; what can be is produced all the same.",
		Examples: []string{"saksi order answer --home nimbus 2026-17", "saksi order answer --authority energy-commission 2026-17"},
	}, func(in *orderAnswerInput, f *cmdline.Flags) {
		f.Argument(&in.number, "NUMBER")
		f.String(&in.authority, "authority", "the `AUTHORITY` that gave the order, where several have given the same number")
		f.Zone()
		in.waiting.bind(f, statementWait)
	}, runOrderAnswer)
}

func runOrderAnswer(ctx context.Context, s *cmdline.Session, in *orderAnswerInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		bounded, cancel := in.bounded(ctx)
		defer cancel()
		order, err := d.FindOrder(bounded, in.authority, in.number)
		if err != nil {
			return nil, err
		}
		if !order.Open() {
			out := cmdline.Pairs(operator.Produced{Order: order}, "order", order.Number, "state", order.State)
			out.Note = "All that it asked for has been produced: there is nothing to do."
			return out, nil
		}
		reader, err := bodiesOf(d)
		if err != nil {
			return nil, err
		}
		done, err := d.ProduceOrder(bounded, order, reader.Body)
		if err != nil {
			return nil, err
		}
		flushed, err := flush(ctx, s, d, flushing{timeout: in.timeout, pending: int64(done.Events)})
		sent := 0
		if err == nil {
			sent, err = d.Disclose(bounded)
		}
		out := cmdline.Pairs(struct {
			*operator.Produced
			Messages int `json:"messages"`
			Flushed  any `json:"flushed"`
		}{done, sent, flushed},
			"order", order.Number, "authority", order.Authority, "produced", fmt.Sprintf("%d of %d", done.Produced, order.Asked), "messages sent", sent)
		out.Rows = append(out.Rows, flushRows(flushed)...)
		var missing []string
		for _, m := range done.Missing {
			missing = append(missing, fmt.Sprintf("missing: %s: %s", m.What, safetext.Line(m.Problem)))
		}
		out.Note = strings.Join(missing, "\n")
		err = hint.With(err, "nothing is lost: saksi outbox flush sends what waits")
		if err := errors.Join(err, rejectedError(flushed)); err != nil {
			return out, err
		}
		if n := len(done.Missing); n > 0 {
			return out, hint.With(fmt.Errorf("%s that order %s asks for can't be produced from this home", cmdline.Counted(n, "thing", "things"), order.Number),
				"find the home that committed to it, or what was kept of it, and produce again before "+s.Stamp(order.Due))
		}
		return out, nil
	})
}
