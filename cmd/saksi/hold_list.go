package main

import (
	"context"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
)

type holdListInput struct{ atHome }

func holdList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "hold list", Roles: []string{regulator},
		Summary:  "list the holds that are in force",
		Examples: []string{"saksi hold list --home authority", "saksi hold list --json"},
	}, func(in *holdListInput, f *cmdline.Flags) {
		in.atHome.bind(f)
		f.Zone()
	}, runHoldList)
}

func runHoldList(_ context.Context, s *cmdline.Session, in *holdListInput) (*cmdline.Result, error) {
	r, err := readRegistry(in.home)
	if err != nil {
		return nil, err
	}
	all := r.Holds()
	out := &cmdline.Result{Document: all, Columns: []string{"hold", "by", "covers", "from", "to", "ground", "leaf"}, Collapsible: []string{"ground", "by"}}
	for _, h := range all {
		var covers []string
		for _, part := range []struct {
			what  string
			names []string
		}{{"facility", h.Facilities}, {"operator", h.Operators}, {"actor", h.Actors}} {
			if len(part.names) > 0 {
				covers = append(covers, part.what+" "+strings.Join(part.names, ", "))
			}
		}
		if len(covers) == 0 {
			covers = append(covers, "everything")
		}
		out.Rows = append(out.Rows, []any{h.Hold, h.By, strings.Join(covers, "; "), s.Stamp(h.From.Time), s.Stamp(h.To.Time), h.Ground, h.Leaf})
	}
	return out, nil
}
