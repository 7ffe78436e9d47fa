package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/countersign/rekor"
	"github.com/saksi-ledger/saksi/ledger/countersign/timestamp"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/node"
)

// memoryLimit is what the node keeps its memory near: most of what it would take
// beyond that under load is garbage not yet collected. GOMEMLIMIT sets another.
const memoryLimit = 448 << 20

type upInput struct {
	home, nats, natsListen, httpListen, advertiseNATS, advertiseHTTP string
	tlsCert, tlsKey, websocketListen, anchorPolicy, logLevel         string
	despite, websocketOrigins, rekors, timestampAuthorities          []string
	plainBehindProxy                                                 bool
	anchorEvery, timestampEvery, cosignEvery                         time.Duration
	replicas                                                         int
}

func upCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "up", Roles: []string{nodes},
		Summary: "run the node: broker, ledger, views, feeds, API and anchors",
		Text: "Listens on loopback unless told otherwise, and on the addresses of its last start. Prints them when it takes messages; Ctrl-C stops it in " +
			"order.",
		Examples: []string{
			"saksi up --home authority",
			"saksi up --home authority --http-listen 0.0.0.0:7258 --nats-listen 0.0.0.0:4222 --tls-cert cert.pem --tls-key key.pem",
			"saksi up --home authority --rekor none --log-level warn",
		},
	}, func(in *upInput, f *cmdline.Flags) {
		f.String(&in.nats, "nats", "use the external NATS server with JetStream at `URL`, instead of the embedded one")
		f.String(&in.natsListen, "nats-listen", "listen on `HOST:PORT` for NATS; port 0 takes a free one (default 127.0.0.1:4222)")
		f.String(&in.httpListen, "http-listen", "listen on `HOST:PORT` for HTTP; port 0 takes a free one (default 127.0.0.1:7258)")
		f.String(&in.advertiseNATS, "advertise-nats", "public NATS `URL` to write into grants, if it differs from the listener's")
		f.String(&in.advertiseHTTP, "advertise-http", "public HTTP `URL` to write into grants, if it differs from the listener's")
		f.Strings(&in.despite, "despite", "start although the witness `NAME` has seen more of the tree, or another one")
		f.String(&in.tlsCert, "tls-cert", "demand TLS of everybody, with the certificate in this PEM `FILE`; read again when it is replaced").File()
		f.String(&in.tlsKey, "tls-key", "the certificate's key, a PEM `FILE`").File()
		f.Bool(&in.plainBehindProxy, "plain-behind-proxy", "listen beyond this machine without TLS: a proxy before it demands it of everybody")
		f.String(&in.websocketListen, "websocket-listen", "listen on `HOST:PORT` for WebSocket clients of the embedded broker (default none)")
		f.Strings(&in.websocketOrigins, "websocket-origin", "let pages of this `ORIGIN` connect by WebSocket, such as https://console.example.my (default only the broker's own)")
		f.Strings(&in.rekors, "rekor", "anchor in this Rekor instead of one of the node's own, `URL,key=FILE`[,version=1], or none")
		in.anchorEvery = time.Minute
		f.Duration(&in.anchorEvery, "anchor-every", "anchor after this `TIME` at the soonest")
		anchorPolicyFlag(f, &in.anchorPolicy, "with several Rekors, `HOW-MANY` must have a checkpoint for it to count as anchored: all, any, or a number")
		f.Strings(&in.timestampAuthorities, "timestamp-authority", "have this authority sign times for checkpoints (RFC 3161): `URL,cert=FILE`[,name=NAME][,owner=WHO]")
		in.timestampEvery = 10 * time.Minute
		f.Duration(&in.timestampEvery, "timestamp-every", "ask timestamp authorities after this `TIME` at the soonest")
		in.cosignEvery = 30 * time.Second
		f.Duration(&in.cosignEvery, "cosign-every", "ask witnesses to cosign after this `TIME` at the soonest")
		in.replicas = 1
		f.Int(&in.replicas, "replicas", "how many `COPIES` of the stream the brokers keep")
		in.logLevel = "info"
		f.String(&in.logLevel, "log-level", "log from this `LEVEL` on: debug, info, warn or error").Complete(cmdline.OneOf("debug", "info", "warn", "error"))
		f.Home(&in.home)
	}, runUp)
}

func runUp(ctx context.Context, s *cmdline.Session, in *upInput) (*cmdline.Result, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(in.logLevel)); err != nil {
		return nil, cmdline.Usage("--log-level %s: want debug, info, warn or error", in.logLevel)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	rekors, none, err := rekorsOf(in.rekors)
	if err != nil {
		return nil, err
	}
	policy, err := anchorPolicy(in.anchorPolicy, max(1, len(rekors)))
	if err != nil {
		return nil, err
	}
	authorities, err := timestampAuthoritiesOf(in.timestampAuthorities)
	if err != nil {
		return nil, err
	}
	h, err := home.OpenAuthority(in.home)
	if err != nil {
		return nil, err
	}
	return nil, node.Run(ctx, node.Config{
		Home: h, NATS: in.nats, NATSListen: in.natsListen, HTTPListen: in.httpListen,
		AdvertiseNATS: in.advertiseNATS, AdvertiseHTTP: in.advertiseHTTP,
		Despite: in.despite,
		TLSCert: in.tlsCert, TLSKey: in.tlsKey, BehindProxy: in.plainBehindProxy,
		WebSocketListen: in.websocketListen, WebSocketOrigins: in.websocketOrigins,
		Replicas: in.replicas, Log: slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: level})),
		Rekors: rekors, NoRekor: none, AnchorEvery: in.anchorEvery, AnchorPolicy: policy, CosignEvery: in.cosignEvery,
		Timestamps: authorities, TimestampEvery: in.timestampEvery,
		Ready: func(a home.Addresses, l *writer.Ledger) {
			fmt.Fprintf(s.Out, "ledger  %s, %s\nnats    %s\nhttp    %s\napi     %s/v1/docs\n", h.Origin, cmdline.Counted(l.Size(), "leaf", "leaves"), a.NATS, a.HTTP, a.HTTP)
			if a.WebSocket != "" {
				fmt.Fprintf(s.Out, "websocket %s\n", a.WebSocket)
			}
		},
	})
}

// timestampAuthoritiesOf returns the timestamp authorities that flags name.
func timestampAuthoritiesOf(specs []string) ([]timestamp.Authority, error) {
	var authorities []timestamp.Authority
	for _, spec := range specs {
		a, err := timestamp.ParseSpec(spec)
		if err != nil {
			return nil, cmdline.WithStatus(cmdline.WrongUsage, err)
		}
		authorities = append(authorities, a)
	}
	return authorities, nil
}

// rekorsOf returns the Rekors that flags name, and whether there are to be none.
func rekorsOf(specs []string) (rekors []rekor.Rekor, none bool, err error) {
	for _, spec := range specs {
		if spec == "none" && len(specs) == 1 {
			return nil, true, nil
		}
		r, err := rekor.ParseSpec(spec)
		if err != nil {
			return nil, false, cmdline.WithStatus(cmdline.WrongUsage, err)
		}
		rekors = append(rekors, r)
	}
	return rekors, false, nil
}
