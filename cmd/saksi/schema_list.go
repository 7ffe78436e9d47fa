package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/schemas"
)

type schemaListInput struct{}

func schemaList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "schema list", Roles: []string{starting, operators},
		Summary:  "list the types of events",
		Examples: []string{"saksi schema list", "saksi schema list --json"},
	}, func(_ *schemaListInput, f *cmdline.Flags) { f.Format() },
		func(context.Context, *cmdline.Session, *schemaListInput) (*cmdline.Result, error) {
			types := schemas.Types()
			out := &cmdline.Result{Document: types, Columns: []string{"type"}}
			for _, t := range types {
				out.Rows = append(out.Rows, []any{t})
			}
			return out, nil
		})
}
