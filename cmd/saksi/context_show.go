package main

import (
	"context"
	"errors"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
)

type contextShowInput struct{ name string }

func contextShow() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "context show", Roles: []string{starting},
		Summary:  "show the current context, or another",
		Examples: []string{"saksi context show", "saksi context show kl-desk"},
	}, func(in *contextShowInput, f *cmdline.Flags) {
		f.Optional(&in.name, "NAME").Complete(completeContexts)
		f.Format()
	}, runContextShow)
}

func runContextShow(_ context.Context, _ *cmdline.Session, in *contextShowInput) (*cmdline.Result, error) {
	name := in.name
	if name == "" {
		_, current, err := contexts().All()
		if err != nil {
			return nil, err
		}
		if name = current; name == "" {
			return nil, hint.With(errors.New("no context is in use"), "saksi context use NAME chooses one, saksi context add makes one")
		}
	}
	return contextResult(name)
}
