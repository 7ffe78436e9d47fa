package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type orderGiveInput struct {
	waiting
	event, number, recorder, records, due, ground string
	digests                                       []string
	unknown                                       bool
}

func orderGive() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "order give", Old: []string{"order produce"}, Roles: []string{regulator},
		Summary: "order an operator to produce records of a committed batch, or disclosures of an event",
		Text: "LEAF/EVENT is the commitment, or the event whose digests are to be opened. The operator answers with saksi order answer, or with " +
			"saksi event disclose --order. What is not answered by the time that is set becomes a finding, and so does what comes late, or " +
			"doesn't belong to what was committed to.",
		Examples: []string{
			"saksi order give --home authority --number 2026-17 --recorder nimbus-my/lab-1/cloudtrail --records 0,5,7 --due 72h --ground incident-review 27/0",
			"saksi order give --number 2026-18 --recorder nimbus-my/lab-1/badges --digest rlcdJgFrLnMvbS4JU0WdqKSsZI4 --due 2026-12-01T08:00:00Z --ground court-order 12/3",
		},
	}, func(in *orderGiveInput, f *cmdline.Flags) {
		f.Argument(&in.event, "LEAF/EVENT")
		f.String(&in.number, "number", "the order's `NUMBER`").Required()
		f.String(&in.recorder, "recorder", "the `OPERATOR/FACILITY/RECORDER` that published the event").Required().Complete(completeNames(aRecorder))
		f.String(&in.records, "records", "the `INDEXES` of records within the batch, from 0: 0,5,7")
		f.Strings(&in.digests, "digest", "what opens this `DIGEST`, as the event has it in _sd")
		f.String(&in.due, "due", "by this `TIME`, or after a span such as 72h").Required()
		groundFlag(f, &in.ground)
		f.Bool(&in.unknown, "unknown", "give the order though nobody could carry it out, as far as the ledger tells")
		f.Zone()
		in.waiting.bind(f, registryWait)
	}, runOrderGive)
}

func runOrderGive(ctx context.Context, s *cmdline.Session, in *orderGiveInput) (*cmdline.Result, error) {
	leaf, place, err := eventOfLeaf(s, in.event)
	if err != nil {
		return nil, err
	}
	order := events.ProductionOrdered{
		Order: in.number, Recorder: in.recorder, Ground: in.ground, Disclosures: in.digests,
		Event: events.RefFields{Leaf: events.Integer(leaf), Event: events.Integer(place)},
	}
	if span, err := time.ParseDuration(in.due); err == nil {
		order.Due = events.At(time.Now().Add(span).Truncate(time.Second))
	} else if due, err := cmdline.ParseTime(in.due, zoneFor(s, in.home, facilityOf(in.recorder))); err == nil {
		order.Due = events.At(due)
	} else {
		return nil, cmdline.Usage("--due %q: want a time as 2026-12-01T08:00:00Z, or a span as 72h", in.due)
	}
	if in.records != "" {
		for _, one := range strings.Split(in.records, ",") {
			n, err := strconv.ParseUint(strings.TrimSpace(one), 10, 53)
			if err != nil {
				return nil, cmdline.Usage("--records %q: want numbers from 0, with commas between", in.records)
			}
			order.Records = append(order.Records, events.Integer(n))
		}
	}
	if len(order.Records) == 0 == (len(order.Disclosures) == 0) {
		return nil, s.Usage("takes either --records or --digest")
	}
	if !in.unknown && !order.Due.After(time.Now()) {
		return nil, cmdline.Usage("--due %s is past: nobody could answer in time", in.due)
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		if !in.unknown {
			if err := r.CheckProduction(ctx, order); err != nil {
				return nil, hint.With(err, "nothing was ordered; saksi view orders has the orders there are, and --unknown gives this one all the same")
			}
		}
		leaf, err := r.OrderProduction(ctx, order)
		if err != nil {
			return nil, err
		}
		return leafResult("order", order.Order, leaf), nil
	})
}
