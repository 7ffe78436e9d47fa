package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
)

func brokerCommand() *cli.Command {
	return &cli.Command{
		Name: "broker", Usage: "the broker alone: configure a NATS server of your own", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{{
			Name:  "config",
			Usage: "write a configuration with which the stock nats-server runs the ledger's accounts",
			Description: "Start it with nats-server -c FILE, then the node with saksi up --nats URL. The configuration holds no\n" +
				"secret key. Accounts that are admitted later reach the server while it runs.",
			Flags: []cli.Flag{homeFlag(),
				&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`"},
				stringFlag("listen", "`HOST:PORT` that the server listens on"),
				stringFlag("store", "`DIRECTORY` in which the server stores streams and accounts"),
				stringFlag("server-name", "the server's `NAME`, unique in a cluster"),
				stringFlag("tls-cert", "the certificate's `FILE`, as seen by the server"),
				stringFlag("tls-key", "the certificate's key, a `FILE`, as seen by the server"),
				&cli.BoolFlag{Name: "plain-behind-proxy", Usage: "listen without TLS beyond the machine: a proxy before the server demands it", EnvVars: env("plain-behind-proxy")}},
			Action: func(c *cli.Context) error {
				if _, err := arguments(c); err != nil {
					return err
				}
				if err := required(c, "home", "output", "store"); err != nil {
					return err
				}
				h, err := home.OpenAuthority(homeOf(c))
				if err != nil {
					return err
				}
				authority, err := broker.Open(h.BrokerDir())
				if err != nil {
					return err
				}
				var config bytes.Buffer
				if err := authority.ServerConfig(&config, broker.ServerOptions{
					Name: c.String("server-name"), Listen: c.String("listen"), StoreDir: c.String("store"),
					TLSCert: c.String("tls-cert"), TLSKey: c.String("tls-key"), Behind: c.Bool("plain-behind-proxy"),
				}); err != nil {
					return err
				}
				if err := os.WriteFile(c.String("output"), config.Bytes(), 0o600); err != nil {
					return fmt.Errorf("write the configuration: %w", err)
				}
				return nil
			},
		}},
	}
}
