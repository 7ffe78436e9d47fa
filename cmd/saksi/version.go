package main

import (
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/schemas"
)

func versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version of this program and of its rule set", Category: "everyone",
		Flags: []cli.Flag{formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			version := "(unknown)"
			if info, ok := debug.ReadBuildInfo(); ok {
				version = info.Main.Version
			}
			ruleset := events.DigestOf(schemas.CurrentRuleset()).String()
			return result{
				document: map[string]any{"version": version, "go": runtime.Version(), "ruleset": ruleset},
				rows:     [][]any{{"saksi", version}, {"go", runtime.Version()}, {"rule set", ruleset}},
			}.print(c)
		},
	}
}
