package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/operator"
)

// statementInput is the input of a command that makes a signed statement for a recorder.
type statementInput struct {
	waiting
	recorder string
}

func (in *statementInput) bind(f *cmdline.Flags) {
	recorderFlag(f, &in.recorder, "the `FACILITY/RECORDER` that it is about")
	in.waiting.bind(f, statementWait)
}

// state makes a statement, publishes it, and says what came of it.
func (in *statementInput) state(ctx context.Context, s *cmdline.Session, make func(*operator.Client, events.Recorder) (vocabulary.Said, error)) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		recorder, err := d.Recorder(in.recorder)
		if err != nil {
			return nil, err
		}
		prepare(ctx, s, d, recorder, in.timeout)
		statement, err := make(d, recorder)
		if err != nil {
			return nil, err
		}
		added, err := d.Attest(ctx, recorder, statement)
		if err != nil {
			return nil, err
		}
		flushed, err := flush(ctx, s, d, flushing{timeout: in.timeout, pending: int64(added.Events)})
		out := cmdline.Pairs(struct {
			Attested any           `json:"attested"`
			Flushed  client.Result `json:"flushed"`
		}{statement.Data(), flushed}, "recorder", recorder.String(), "sworn", statement.Type())
		out.Rows = append(out.Rows, flushRows(flushed)...)
		if err := offline(err); err != nil {
			return out, err
		}
		return out, rejectedError(flushed)
	})
}
