package main

import (
	"context"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func eventRecipients() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "event recipients", Roles: []string{operators},
		Summary:  "list the authorities that read disclosures, and their mandates",
		Examples: []string{"saksi event recipients --home nimbus", "saksi event recipients --json"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runEventRecipients)
}

func runEventRecipients(ctx context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		all, err := d.Recipients(ctx)
		if err != nil {
			return nil, err
		}
		out := &cmdline.Result{Document: all, Columns: []string{"authority", "facilities", "families", "recipient", "leaf"}}
		for _, r := range all {
			out.Rows = append(out.Rows, []any{r.Authority, strings.Join(r.Facilities, " "), strings.Join(r.Families, " "), r.Recipient, r.Leaf})
		}
		return out, nil
	})
}
