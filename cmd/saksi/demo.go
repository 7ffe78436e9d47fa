package main

import (
	"context"
	"log/slog"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/demo"
)

type demoInput struct {
	seed uint64
	exit bool
	dir  string
}

func demoCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "demo", Roles: []string{starting},
		Summary: "run everything on this machine: a simulated day of a small country, until a finding is proven",
		Text: "Makes a regulator with its node, a broker, a Rekor, two operators from abroad and a landlord in a temporary directory; publishes a " +
			"simulated day; shows what does not add up; proves one of it offline. Then it goes on running, for a look around, until Ctrl-C. " +
			"Nothing is left behind.",
		Examples: []string{"saksi demo", "saksi demo --seed 7 --exit"},
	}, func(in *demoInput, f *cmdline.Flags) {
		in.seed = 1
		f.Uint64(&in.seed, "seed", "simulate another country for another `NUMBER`")
		f.Bool(&in.exit, "exit", "end when all is shown")
		f.String(&in.dir, "dir", "work in this `DIRECTORY` instead of the system's temporary one").File()
	}, func(ctx context.Context, s *cmdline.Session, in *demoInput) (*cmdline.Result, error) {
		return nil, demo.Run(ctx, demo.Config{
			Seed: in.seed, Dir: in.dir, Out: s.Out, Exit: in.exit,
			Log: slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelError})),
		})
	})
}
