package main

import (
	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server/posix"
)

// rekorCommand is what up runs as a child process. It is hidden: people run Sigstore's
// own program.
func rekorCommand() *cli.Command {
	return &cli.Command{
		Name:            "rekor",
		Usage:           "run rekor-tiles' own server in this process, until standard input ends",
		Hidden:          true,
		SkipFlagParsing: true,
		Action: func(c *cli.Context) error {
			posix.Main(c.Args().Slice(), c.App.Reader)
			return nil
		},
	}
}
