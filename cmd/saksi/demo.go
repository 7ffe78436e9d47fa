package main

import (
	"log/slog"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/demo"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:     "demo",
		Usage:    "everything on this machine: a small country lives through a day, and a finding is proven",
		Category: "everyone",
		Description: "Makes a regulator with its node, a broker, a Rekor, two operators from abroad and a landlord in a temporary\n" +
			"directory; publishes a simulated day; shows what does not add up; proves one of it offline. Then it goes on\n" +
			"running, for a look around, until Ctrl-C. Nothing is left behind.",
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "seed", Usage: "another `NUMBER`, another country", Value: 1, EnvVars: env("seed")},
			&cli.BoolFlag{Name: "exit", Usage: "end when all is shown", EnvVars: env("exit")},
			stringFlag("dir", "work in this `DIRECTORY` instead of the system's temporary one"),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return demo.Run(c.Context, demo.Config{
				Seed: c.Uint64("seed"), Dir: c.String("dir"), Out: c.App.Writer, Exit: c.Bool("exit"),
				Log: slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{Level: slog.LevelError})),
			})
		},
	}
}
