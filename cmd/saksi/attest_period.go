package main

import (
	"context"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type attestPeriodInput struct {
	statementInput
	from, to string
}

func attestPeriod() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "attest period", Roles: []string{operators},
		Summary: "attest that what a recorder published of a period is all there was",
		Text: "Names the numbers that came since the last attestation; none says that nobody touched anything. It attests to no more than the outbox has " +
			"receipts for: with anything pending, rejected or dropped it refuses. A record of the period that comes afterwards contradicts it, " +
			"and the authority sees that.",
		Examples: []string{
			"saksi attest period --home nimbus --recorder lab-1/badges",
			"saksi attest period --recorder lab-1/badges --from 2026-11-01 --to 2026-12-01 --tz Asia/Kuala_Lumpur",
		},
	}, func(in *attestPeriodInput, f *cmdline.Flags) {
		f.String(&in.from, "from", "the `TIME` at which the period begins (default: where the last one ended, if there was one)")
		f.String(&in.to, "to", "the `TIME` at which it ends (default: now)")
		f.Zone()
		in.statementInput.bind(f)
	}, runAttestPeriod)
}

func runAttestPeriod(ctx context.Context, s *cmdline.Session, in *attestPeriodInput) (*cmdline.Result, error) {
	atFacility(s, in.home, facilityOf(in.recorder))
	from, err := s.Time("from", in.from, time.Time{})
	if err != nil {
		return nil, err
	}
	to, err := s.Time("to", in.to, time.Now())
	if err != nil {
		return nil, err
	}
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		recorder, err := d.Recorder(in.recorder)
		if err != nil {
			return nil, err
		}
		prepare(ctx, s, d, recorder, in.timeout)
		p, added, err := d.AttestPeriod(ctx, recorder, from, to)
		if err != nil {
			return nil, err
		}
		flushed, err := flush(ctx, s, d, flushing{timeout: in.timeout, pending: int64(added.Events)})
		out := cmdline.Pairs(struct {
			Attested events.PeriodAttested `json:"attested"`
			Flushed  client.Result         `json:"flushed"`
		}{p, flushed}, "recorder", p.Recorder, "from", s.Stamp(p.From.Time), "to", s.Stamp(p.To.Time), "sworn", sworn(p))
		out.Rows = append(out.Rows, flushRows(flushed)...)
		if err := offline(err); err != nil {
			return out, err
		}
		return out, rejectedError(flushed)
	})
}

// sworn says in words what is attested.
func sworn(p events.PeriodAttested) string {
	if p.Count == 0 {
		return "nothing was recorded"
	}
	if p.Count == 1 {
		return fmt.Sprintf("1 event, number %d, is all there was", p.First)
	}
	return fmt.Sprintf("%s, numbers %d to %d, are all there was", cmdline.Counted(p.Count, "event", "events"), p.First, p.Last)
}
