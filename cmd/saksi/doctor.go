package main

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/doctor"
)

func doctorCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "doctor", Roles: []string{nodes},
		Summary: "say what is wrong with this node, and what to do",
		Text: "Looks at keys, disk, node, checkpoint, views, anchors, timestamps, witnesses and registry, and changes nothing. The exit status is 1 if " +
			"something fails.",
		Examples: []string{"saksi doctor --home authority", "saksi doctor --json"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runDoctor)
}

func runDoctor(ctx context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	parts, err := doctor.Examine(ctx, in.home)
	if err != nil {
		return nil, err
	}
	out := &cmdline.Result{Document: parts, Columns: []string{"part", "state", "found", "do"}}
	failed := 0
	for _, p := range parts {
		if p.State == doctor.Fail {
			failed++
		}
		out.Rows = append(out.Rows, []any{p.Name, p.State, p.Found, p.Do})
	}
	if failed > 0 {
		return out, fmt.Errorf("%d of %d parts fail", failed, len(parts))
	}
	return out, nil
}
