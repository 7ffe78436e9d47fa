package main

import (
	"context"
	"errors"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type eventDiscloseInput struct {
	waiting
	recorder, order string
	ids, to, digest []string
	list            bool
}

func eventDisclose() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "event disclose", Old: []string{"disclose"}, Roles: []string{operators},
		Summary: "give authorities what opens the digests in chosen events",
		Text: "EVENT is the id of an event of the recorder. What the outbox keeps of it is encrypted to each authority, whose recipient the ledger " +
			"proves, and kept on the ledger's erasable stream. With --order it is put on record that the order was answered. " +
			"saksi event recipients lists the authorities that read disclosures.",
		Examples: []string{
			"saksi event disclose --home nimbus --recorder lab-1/badges --to authority 0f9b4c1e-7d1a-4f4e-9f0b-2a35f2a6f001",
			"saksi event disclose --recorder lab-1/badges --to authority --order 2026-17 0f9b4c1e-7d1a-4f4e-9f0b-2a35f2a6f001",
		},
	}, func(in *eventDiscloseInput, f *cmdline.Flags) {
		f.Rest(&in.ids, "EVENT", 0)
		f.String(&in.recorder, "recorder", "the `FACILITY/RECORDER` that published the events").Complete(completeOwnRecorders)
		f.Strings(&in.to, "to", "the `AUTHORITY` that is to read it")
		f.String(&in.order, "order", "the `NUMBER` of the order that is answered")
		f.Strings(&in.digest, "digest", "only what opens this `DIGEST` (default: all that is kept of the event)")
		f.Bool(&in.list, "list", "list the authorities that read disclosures").Hidden()
		in.waiting.bind(f, statementWait)
	}, runEventDisclose)
}

func runEventDisclose(ctx context.Context, s *cmdline.Session, in *eventDiscloseInput) (*cmdline.Result, error) {
	if in.list {
		return runEventRecipients(ctx, s, &atHome{in.home})
	}
	if in.recorder == "" || len(in.ids) == 0 || len(in.to) == 0 {
		return nil, hint.With(s.Usage("needs --recorder, --to AUTHORITY, and one EVENT or more"), "saksi event recipients lists the authorities")
	}
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		recorder, err := d.Recorder(in.recorder)
		if err != nil {
			return nil, err
		}
		bounded, cancel := in.bounded(ctx)
		defer cancel()
		if err := d.DiscloseTo(bounded, recorder.Facility, in.to...); err != nil {
			return nil, err
		}
		reader, err := bodiesOf(d)
		if err != nil {
			return nil, err
		}
		facts := 0
		for _, id := range in.ids {
			n, err := d.Produce(bounded, recorder, id, in.digest, reader.Body)
			if err != nil {
				return nil, err
			}
			facts += n
		}
		sent, err := d.Disclose(bounded)
		if err != nil {
			return nil, hint.With(err, "nothing is lost: saksi outbox flush sends what waits")
		}
		if in.order != "" {
			if err := d.AnswerOrder(bounded, recorder, in.order, in.to, in.ids, in.digest); err != nil {
				return nil, err
			}
			flushed, err := flush(ctx, s, d, flushing{timeout: in.timeout, pending: int64(len(in.ids))})
			if err := errors.Join(offline(err), rejectedError(flushed)); err != nil {
				return nil, err
			}
		}
		return cmdline.Pairs(map[string]any{"events": len(in.ids), "disclosures": facts, "messages": sent},
			"events", len(in.ids), "disclosures", facts, "messages sent", sent), nil
	})
}
