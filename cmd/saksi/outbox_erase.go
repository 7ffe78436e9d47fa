package main

import (
	"context"
	"errors"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type outboxEraseInput struct {
	atHome
	pseudonym string
}

func outboxErase() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "outbox erase", Roles: []string{operators},
		Summary:  "forget who a pseudonym stands for, and what opens the digests in events that name it",
		Text:     "The events stay in the ledger, with a pseudonym that stands for nobody. Whoever acts again gets another.",
		Examples: []string{"saksi outbox erase --home nimbus p-7f3a9c", "saksi outbox erase --json p-7f3a9c"},
	}, func(in *outboxEraseInput, f *cmdline.Flags) {
		f.Argument(&in.pseudonym, "PSEUDONYM")
		in.atHome.bind(f)
	}, runOutboxErase)
}

func runOutboxErase(ctx context.Context, _ *cmdline.Session, in *outboxEraseInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		n, known, err := d.ErasePseudonym(ctx, in.pseudonym)
		if err != nil {
			return nil, err
		}
		if !known && n == 0 {
			return nil, hint.With(errors.New("the outbox knows nothing of "+in.pseudonym), "it stands for nobody here, or was erased before")
		}
		return cmdline.Pairs(map[string]any{"pseudonym": in.pseudonym, "known": known, "disclosures": n},
			"pseudonym", in.pseudonym, "disclosures erased", n), nil
	})
}
