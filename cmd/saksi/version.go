package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/schemas"
)

type versionInput struct{}

func version() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "version", Roles: []string{starting},
		Summary:  "print the version of this program and of its rule set",
		Examples: []string{"saksi version", "saksi version --json"},
	}, func(_ *versionInput, f *cmdline.Flags) { f.Format() },
		func(context.Context, *cmdline.Session, *versionInput) (*cmdline.Result, error) {
			ruleset := events.DigestOf(schemas.CurrentRuleset()).String()
			return cmdline.Pairs(map[string]any{"version": programVersion(), "go": runtime.Version(), "ruleset": ruleset},
				"saksi", programVersion(), "go", runtime.Version(), "rule set", ruleset), nil
		})
}

// programVersion is that of this program, as far as it knows.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
