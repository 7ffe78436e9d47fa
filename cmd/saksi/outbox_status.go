package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type outboxStatusInput struct{ atHome }

func outboxStatus() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox status", Roles: []string{operators},
		Summary:  "show what waits, was rejected, or has its receipt",
		Examples: []string{"saksi outbox status --home nimbus", "saksi outbox status --json"},
	}, func(in *outboxStatusInput, f *cmdline.Flags) { in.atHome.bind(f) }, runOutboxStatus)
}

func runOutboxStatus(ctx context.Context, _ *cmdline.Session, in *outboxStatusInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		status, err := d.Outbox.Status(ctx)
		if err != nil {
			return nil, err
		}
		out := &cmdline.Result{
			Document: status, Columns: []string{"recorder", "incarnation", "next", "waiting", "oldest", "receipts", "rejected", "disclosures"},
			Collapsible: []string{"disclosures", "next", "incarnation", "oldest"},
		}
		var notes []string
		for _, r := range status.Recorders {
			oldest := ""
			if !r.Oldest.IsZero() {
				oldest = time.Since(r.Oldest).Round(time.Second).String()
			}
			out.Rows = append(out.Rows, []any{
				r.Recorder, r.Incarnation, r.Next, cmdline.Count{N: uint64(r.Pending.Events), One: "event", More: "events"}, oldest,
				receiptCount{int64(r.Receipts.Envelopes), int64(r.Receipts.Events)}, r.RejectedCount, r.Disclosures,
			})
			for _, rejected := range r.Rejected {
				notes = append(notes, fmt.Sprintf("rejected: %s events %d to %d, leaf %d: %s %s",
					r.Recorder, rejected.First, rejected.First+rejected.Count-1, rejected.Leaf, rejected.Code, safetext.Line(rejected.Reason)))
			}
			if r.Stale != "" {
				notes = append(notes, fmt.Sprintf("stale: %s: %s", r.Recorder, safetext.Line(r.Stale)))
			}
		}
		if status.Evidence > 0 {
			notes = append(notes, fmt.Sprintf("The ledger has contradicted itself: %d pairs of checkpoints are kept: saksi outbox evidence writes them to files.", status.Evidence))
		}
		out.Note = strings.Join(notes, "\n")
		return out, nil
	})
}

// receiptCount is how many receipts there are for how many events.
type receiptCount struct{ receipts, events int64 }

func (c receiptCount) String() string {
	return fmt.Sprintf("%d for %s", c.receipts, cmdline.Counted(c.events, "event", "events"))
}

// Number implements [cmdline.Number].
func (c receiptCount) Number() uint64 { return uint64(c.receipts) }
