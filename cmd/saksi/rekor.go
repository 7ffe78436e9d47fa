package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor/server/posix"
)

type rekorInput struct{ arguments []string }

// rekorCommand is what up runs as a child process. It is hidden: people run Sigstore's
// own program.
func rekorCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{Path: "rekor", Hidden: true, Raw: true, Summary: "run rekor-tiles' own server in this process, until standard input ends"},
		func(in *rekorInput, f *cmdline.Flags) { f.Rest(&in.arguments, "ARGUMENT", 0) },
		func(_ context.Context, s *cmdline.Session, in *rekorInput) (*cmdline.Result, error) {
			posix.Main(in.arguments, s.In)
			return nil, nil
		})
}
