package main

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type orderOpenInput struct {
	waiting
	number, ground string
}

func orderOpen() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "order open", Roles: []string{regulator},
		Summary: "read the records that were produced on an order",
		Text: "It is put on record first that they are read; the operator sees that: saksi view reveals. What was produced is decrypted here, and each " +
			"record is compared with the root that was committed to. The exit status is 1 if something is missing or wrong.",
		Examples: []string{
			"saksi order open --home authority --ground incident-review 2026-17",
			"saksi order open --ground court-order --json 2026-17",
		},
	}, func(in *orderOpenInput, f *cmdline.Flags) {
		f.Argument(&in.number, "NUMBER")
		groundFlag(f, &in.ground)
		in.waiting.bind(f, registryWait)
	}, runOrderOpen)
}

func runOrderOpen(ctx context.Context, _ *cmdline.Session, in *orderOpenInput) (*cmdline.Result, error) {
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		opened, err := r.OpenProduced(ctx, in.number, in.ground)
		if err != nil {
			return nil, err
		}
		type record struct {
			authority.OpenedRecord
			Native string `json:"native"`
		}
		document := struct {
			*authority.Opened
			Records []record `json:"records"`
		}{opened, []record{}}
		out := &cmdline.Result{Columns: []string{"record", "answer", "native"}}
		for _, one := range opened.Records {
			document.Records = append(document.Records, record{one, string(one.Native)})
			out.Rows = append(out.Rows, []any{one.Index, one.Answer, safetext.Line(string(one.Native))})
		}
		out.Document = document
		out.Note = fmt.Sprintf("On record as leaf %d, where the operator sees it. Each record belongs to what event %s committed to.", opened.Leaves[0], opened.Event)
		for _, problem := range opened.Problems {
			out.Note += "\nwrong: " + safetext.Line(problem)
		}
		if n := len(opened.Problems); n > 0 {
			return out, fmt.Errorf("%d of what was produced on order %s is missing or wrong", n, opened.Order)
		}
		return out, nil
	})
}
