package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/node"
)

// memoryLimit is what the node keeps its memory near: most of what it would take
// beyond that under load is garbage not yet collected. GOMEMLIMIT sets another.
const memoryLimit = 448 << 20

func upCommand() *cli.Command {
	return &cli.Command{
		Name:     "up",
		Usage:    "run the node: broker, ledger, views, feeds, API and anchors",
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
			&cli.StringSliceFlag{Name: "despite", Usage: "start although the witness `NAME` says that it has seen more of the tree, or another"},
			&cli.StringFlag{Name: "tls-cert", Usage: "demand TLS of everybody, with the certificate in this PEM `FILE`; read again when it is replaced", EnvVars: env("tls-cert"), TakesFile: true},
			&cli.StringFlag{Name: "tls-key", Usage: "its key, a PEM `FILE`", EnvVars: env("tls-key"), TakesFile: true},
			&cli.BoolFlag{Name: "plain-behind-proxy", Usage: "listen beyond this machine without TLS: a proxy before it demands it of everybody", EnvVars: env("plain-behind-proxy")},
			stringFlag("websocket-listen", "`HOST:PORT` for clients of the embedded broker that speak WebSocket; none otherwise"),
			&cli.StringSliceFlag{Name: "websocket-origin", Usage: "pages of this `ORIGIN` may connect by WebSocket, as https://console.example.my; may be repeated; none: only the broker's own", EnvVars: env("websocket-origin")},
			&cli.StringSliceFlag{Name: "rekor", Usage: "anchor in this Rekor instead of one of the node's own: `URL,key=FILE`[,version=1]; may be repeated; none: don't anchor"},
			&cli.DurationFlag{Name: "anchor-every", Usage: "anchor after this `TIME` at the soonest", Value: time.Minute, EnvVars: env("anchor-every")},
			anchorPolicyFlag("of several Rekors, `HOW-MANY` must have a checkpoint for it to count as anchored: all, any, or a number"),
			&cli.StringSliceFlag{Name: "timestamp-authority", Usage: "have this authority sign times for checkpoints (RFC 3161): `URL,cert=FILE`[,name=NAME][,owner=WHO]; may be repeated"},
			&cli.DurationFlag{Name: "timestamp-every", Usage: "ask timestamp authorities after this `TIME` at the soonest", Value: 10 * time.Minute, EnvVars: env("timestamp-every")},
			&cli.DurationFlag{Name: "cosign-every", Usage: "ask witnesses to cosign after this `TIME` at the soonest", Value: 30 * time.Second, EnvVars: env("cosign-every")},
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
			rekors, none, err := rekorsOf(c)
			if err != nil {
				return err
			}
			policy, err := anchorPolicy(c, max(1, len(rekors)))
			if err != nil {
				return err
			}
			authorities, err := authoritiesOf(c)
			if err != nil {
				return err
			}
			h, err := home.OpenAuthority(homeOf(c))
			if err != nil {
				return err
			}
			return node.Run(c.Context, node.Config{
				Home: h, NATS: c.String("nats"), NATSListen: c.String("nats-listen"), HTTPListen: c.String("http-listen"),
				AdvertiseNATS: c.String("advertise-nats"), AdvertiseHTTP: c.String("advertise-http"),
				Despite: c.StringSlice("despite"),
				TLSCert: c.String("tls-cert"), TLSKey: c.String("tls-key"), BehindProxy: c.Bool("plain-behind-proxy"),
				WebSocketListen: c.String("websocket-listen"), WebSocketOrigins: c.StringSlice("websocket-origin"),
				Replicas: c.Int("replicas"), Log: log,
				Rekors: rekors, NoRekor: none, AnchorEvery: c.Duration("anchor-every"), AnchorPolicy: policy, CosignEvery: c.Duration("cosign-every"),
				Timestamps: authorities, TimestampEvery: c.Duration("timestamp-every"),
				Ready: func(a home.Addresses, l *writer.Ledger) {
					fmt.Fprintf(c.App.Writer, "ledger  %s, %s\nnats    %s\nhttp    %s\napi     %s/v1/docs\n", h.Origin, counted(l.Size(), "leaf", "leaves"), a.NATS, a.HTTP, a.HTTP)
					if a.WebSocket != "" {
						fmt.Fprintf(c.App.Writer, "websocket %s\n", a.WebSocket)
					}
				},
			})
		},
	}
}

func anchorPolicyFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "anchor-policy", Usage: usage, Value: "all", EnvVars: env("anchor-policy")}
}

// anchorPolicy returns the policy over so many Rekors.
func anchorPolicy(c *cli.Context, rekors int) (verify.AnchorPolicy, error) {
	policy, err := verify.ParseAnchorPolicy(c.String("anchor-policy"))
	if err == nil {
		_, err = policy.Of(rekors)
	}
	if err != nil {
		return policy, statusError{exitUsage, err}
	}
	return policy, nil
}

// authoritiesOf returns the timestamp authorities that --timestamp-authority names. The
// flag's environment variable is split at white space: its values have commas.
func authoritiesOf(c *cli.Context) ([]timestamp.Authority, error) {
	specs := c.StringSlice("timestamp-authority")
	if !c.IsSet("timestamp-authority") {
		specs = strings.Fields(os.Getenv("SAKSI_TIMESTAMP_AUTHORITY"))
	}
	var authorities []timestamp.Authority
	for _, spec := range specs {
		a, err := timestamp.ParseSpec(spec)
		if err != nil {
			return nil, statusError{exitUsage, err}
		}
		authorities = append(authorities, a)
	}
	return authorities, nil
}

// rekorsOf returns the Rekors that --rekor names, and whether it wants none. The
// flag's environment variable is split at white space: its values have commas.
func rekorsOf(c *cli.Context) (rekors []rekor.Rekor, none bool, err error) {
	specs := c.StringSlice("rekor")
	if !c.IsSet("rekor") {
		specs = strings.Fields(os.Getenv("SAKSI_REKOR"))
	}
	for _, spec := range specs {
		if spec == "none" && len(specs) == 1 {
			return nil, true, nil
		}
		r, err := rekor.ParseSpec(spec)
		if err != nil {
			return nil, false, statusError{exitUsage, err}
		}
		rekors = append(rekors, r)
	}
	return rekors, false, nil
}
