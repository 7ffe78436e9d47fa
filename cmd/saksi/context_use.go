package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
)

type contextUseInput struct {
	name string
	none bool
}

func contextUse() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "context use", Roles: []string{starting},
		Summary:  "use a context's home from now on, where --home is not given",
		Text:     "--home, --context, SAKSI_HOME and SAKSI_CONTEXT count before the current context, in this order. Commands that make a home take no context.",
		Examples: []string{"saksi context use regulator", "saksi context use --none"},
	}, func(in *contextUseInput, f *cmdline.Flags) {
		f.Optional(&in.name, "NAME").Complete(completeContexts)
		f.Bool(&in.none, "none", "use none")
		f.Format()
	}, runContextUse)
}

func runContextUse(_ context.Context, s *cmdline.Session, in *contextUseInput) (*cmdline.Result, error) {
	if in.none == (in.name != "") {
		return nil, hint.With(s.Usage("takes either NAME or --none"), "saksi context list lists the contexts")
	}
	if err := contexts().Use(in.name); err != nil {
		return nil, err
	}
	if in.none {
		return cmdline.Pairs(map[string]any{"current": ""}, "context", "none"), nil
	}
	return contextResult(in.name)
}

// contextResult shows one context.
func contextResult(name string) (*cmdline.Result, error) {
	c, err := contexts().Find(name)
	if err != nil {
		return nil, err
	}
	out := cmdline.Pairs(c, "context", c.Name, "home", c.Home)
	if c.Zone != "" {
		out.Rows = append(out.Rows, cmdline.Pair("tz", c.Zone))
	}
	return out, nil
}
