package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/node"
)

// memoryLimit is what the node keeps its memory near: most of what it would take
// beyond that under load is garbage not yet collected. GOMEMLIMIT sets another.
const memoryLimit = 448 << 20

func upCommand() *cli.Command {
	return &cli.Command{
		Name:     "up",
		Usage:    "run the node: broker, ledger and its public half over HTTP",
		Category: "authority",
		Description: "Listens on loopback unless told otherwise, and on the addresses of its last start.\n" +
			"Prints them when it takes messages; Ctrl-C stops it in order.",
		Flags: []cli.Flag{
			homeFlag(),
			stringFlag("nats", "`URL` of an external NATS server with JetStream, instead of the embedded one"),
			stringFlag("nats-listen", "`HOST:PORT` for NATS; port 0 takes a free one (default 127.0.0.1:4222)"),
			stringFlag("http-listen", "`HOST:PORT` for HTTP; port 0 takes a free one (default 127.0.0.1:7258)"),
			stringFlag("advertise-nats", "the `URL` that operators are told, where it is another"),
			stringFlag("advertise-http", "the `URL` that operators are told, where it is another"),
			&cli.IntFlag{Name: "replicas", Usage: "`COPIES` of the stream that the brokers keep", Value: 1, EnvVars: env("replicas")},
			&cli.StringFlag{Name: "log-level", Usage: "`LEVEL` of what is logged: debug, info, warn, error", Value: "info", EnvVars: env("log-level")},
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			var level slog.Level
			if err := level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
				return usage("--log-level %s: want debug, info, warn or error", c.String("log-level"))
			}
			log := slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{Level: level}))
			if os.Getenv("GOMEMLIMIT") == "" {
				debug.SetMemoryLimit(memoryLimit)
			}
			h, err := home.OpenAuthority(homeOf(c))
			if err != nil {
				return err
			}
			return node.Run(c.Context, node.Config{
				Home: h, NATS: c.String("nats"), NATSListen: c.String("nats-listen"), HTTPListen: c.String("http-listen"),
				AdvertiseNATS: c.String("advertise-nats"), AdvertiseHTTP: c.String("advertise-http"),
				Replicas: c.Int("replicas"), Log: log,
				Ready: func(a home.Addresses, l *ledger.Ledger) {
					fmt.Fprintf(c.App.Writer, "ledger  %s, %d leaves\nnats    %s\nhttp    %s\n", h.Origin, l.Size(), a.NATS, a.HTTP)
				},
			})
		},
	}
}
