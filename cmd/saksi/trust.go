package main

import (
	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/home"
)

func trustCommand() *cli.Command {
	return &cli.Command{
		Name:     "trust",
		Usage:    "write a trust file: the ledger's key and genesis, to be looked at and pinned",
		Category: "auditor",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`"}, formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if err := required(c, "home", "output"); err != nil {
				return err
			}
			h, err := home.OpenAuthority(homeOf(c))
			if err != nil {
				return err
			}
			trust, err := h.Trust()
			if err != nil {
				return err
			}
			if err := home.WriteJSON(c.String("output"), trust, 0o644); err != nil {
				return err
			}
			l := trust.Ledgers[0]
			return result{
				document: trust,
				rows:     [][]any{{"trust", c.String("output")}, {"ledger", l.Origin}, {"log key", l.Key}, {"genesis", l.Genesis.String()}},
			}.print(c)
		},
	}
}
