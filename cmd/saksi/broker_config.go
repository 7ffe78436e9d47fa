package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
)

type brokerConfigInput struct {
	home, output, listen, store, serverName, tlsCert, tlsKey string
	plainBehindProxy                                         bool
}

func brokerConfig() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "broker config", Roles: []string{nodes},
		Summary: "write a configuration with which the stock nats-server runs the ledger's accounts",
		Text: "Start it with nats-server -c FILE, then the node with saksi up --nats URL. The configuration holds no secret key. Accounts that are " +
			"admitted later reach the server while it runs.",
		Examples: []string{
			"saksi broker config --home authority --output nats.conf --store /var/lib/nats --listen 127.0.0.1:4222",
			"saksi broker config -o nats.conf --store /var/lib/nats --listen 0.0.0.0:4222 --tls-cert cert.pem --tls-key key.pem",
		},
	}, func(in *brokerConfigInput, f *cmdline.Flags) {
		f.String(&in.output, "output", "write it to `FILE`").Also("o").File().Required()
		f.String(&in.store, "store", "the `DIRECTORY` in which the server stores streams and accounts").File().Required()
		f.String(&in.listen, "listen", "the `HOST:PORT` on which the server listens")
		f.String(&in.serverName, "server-name", "the server's `NAME`, unique in a cluster")
		f.String(&in.tlsCert, "tls-cert", "the certificate's `FILE`, as the server sees it").File()
		f.String(&in.tlsKey, "tls-key", "the certificate's key, a `FILE`, as the server sees it").File()
		f.Bool(&in.plainBehindProxy, "plain-behind-proxy", "listen beyond this machine without TLS: a proxy before the server demands it of everybody")
		f.Home(&in.home)
	}, runBrokerConfig)
}

func runBrokerConfig(_ context.Context, _ *cmdline.Session, in *brokerConfigInput) (*cmdline.Result, error) {
	h, err := home.OpenAuthority(in.home)
	if err != nil {
		return nil, err
	}
	authority, err := broker.Open(h.BrokerDir())
	if err != nil {
		return nil, err
	}
	var config bytes.Buffer
	if err := authority.ServerConfig(&config, broker.ServerOptions{
		Name: in.serverName, Listen: in.listen, StoreDir: in.store, TLSCert: in.tlsCert, TLSKey: in.tlsKey, Behind: in.plainBehindProxy,
	}); err != nil {
		return nil, err
	}
	if err := durable.WriteFile(in.output, config.Bytes(), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return nil, nil
}
