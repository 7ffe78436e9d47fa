package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
)

type contextListInput struct{}

func contextList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "context list", Roles: []string{starting},
		Summary:  "list the contexts",
		Examples: []string{"saksi context list", "saksi context list --json"},
	}, func(_ *contextListInput, f *cmdline.Flags) { f.Format() }, runContextList)
}

func runContextList(context.Context, *cmdline.Session, *contextListInput) (*cmdline.Result, error) {
	all, current, err := contexts().All()
	if err != nil {
		return nil, err
	}
	out := &cmdline.Result{Document: map[string]any{"current": current, "contexts": all}, Columns: []string{"context", "current", "home", "tz"}}
	for _, c := range all {
		out.Rows = append(out.Rows, []any{c.Name, cmdline.YesNo(c.Name == current), c.Home, c.Zone})
	}
	if len(all) == 0 {
		out.Note = "There are no contexts. saksi context add NAME --home DIRECTORY makes one."
	}
	return out, nil
}

// contexts are those of whoever runs the program.
func contexts() *cmdline.Contexts { return &cmdline.Contexts{File: cmdline.ContextsFile()} }

// completeContexts offers the contexts.
func completeContexts(cmdline.Partial) []cmdline.Candidate {
	all, _, err := contexts().All()
	if err != nil {
		return nil
	}
	var list []cmdline.Candidate
	for _, c := range all {
		list = append(list, cmdline.Candidate{Value: c.Name, About: c.Home})
	}
	return list
}
