package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ops/home"
)

func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:     "token",
		Usage:    "a bearer token for the API, signed with this home's key",
		Category: "everyone",
		Description: "Of a reader's or an operator's home. Whoever has the token can read as you until it ends: use it in a header,\n" +
			"as in curl -H \"Authorization: Bearer $(saksi token --home desk)\", and keep it nowhere.",
		Flags: []cli.Flag{homeFlag(),
			&cli.DurationFlag{Name: "life", Usage: "how long it is good for, 24h at most", Value: time.Hour, EnvVars: env("life")}},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			h, err := joining(homeOf(c))
			if err != nil {
				return err
			}
			text, err := mint(h, c.Duration("life"))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.App.Writer, text)
			return err
		},
	}
}

// mint makes a token in the name of whose home it is.
func mint(h interface {
	Grant() (*home.Grant, error)
	Signer() (*events.Signer, error)
}, life time.Duration) (string, error) {
	grant, err := h.Grant()
	if err != nil {
		return "", err
	}
	signer, err := h.Signer()
	if err != nil {
		return "", err
	}
	return token.Mint(signer, grant.Name, grant.Ledger.Origin, time.Now(), life)
}
