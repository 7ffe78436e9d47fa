package main

import (
	"context"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type outboxFlushInput struct {
	waiting
	resend bool
}

func outboxFlush() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox flush", Roles: []string{operators},
		Summary:  "send what waits, and wait for receipts",
		Examples: []string{"saksi outbox flush --home nimbus", "saksi outbox flush --resend --timeout 10m"},
	}, func(in *outboxFlushInput, f *cmdline.Flags) {
		f.Bool(&in.resend, "resend", "send rejected envelopes again, too")
		in.waiting.bind(f, time.Hour)
	}, runOutboxFlush)
}

func runOutboxFlush(ctx context.Context, s *cmdline.Session, in *outboxFlushInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		status, err := d.Outbox.Status(ctx)
		if err != nil {
			return nil, err
		}
		var pending int64
		for _, r := range status.Recorders {
			pending += r.Pending.Events
		}
		flushed, err := flush(ctx, s, d, flushing{timeout: in.timeout, pending: pending, resend: in.resend})
		if err == nil {
			_, err = sendDisclosures(ctx, d, in.timeout)
		}
		out := &cmdline.Result{Document: flushed, Rows: flushRows(flushed)}
		if err := offline(err); err != nil {
			return out, err
		}
		return out, rejectedError(flushed)
	})
}
