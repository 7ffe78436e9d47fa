package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/home"
)

func trustCommand() *cli.Command {
	return &cli.Command{
		Name:     "trust",
		Usage:    "write a trust file: the ledger's key and genesis, to be looked at and pinned",
		Category: "auditor",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "with", Usage: "and believe what is in the trust `FILE` too: the tree before this one, say", TakesFile: true},
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
			if path := c.String("with"); path != "" {
				if err := trustToo(trust, path); err != nil {
					return err
				}
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

// trustToo adds what another trust file names.
func trustToo(trust *verify.Trust, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	other, err := verify.ParseTrust(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, l := range other.Ledgers {
		if _, known := trust.Ledger(l.Origin); !known {
			trust.Ledgers = append(trust.Ledgers, l)
		}
	}
	for _, r := range other.Rekors {
		if !slices.Contains(trust.Rekors, r) {
			trust.Rekors = append(trust.Rekors, r)
		}
	}
	if text, err = json.Marshal(trust); err == nil {
		_, err = verify.ParseTrust(text)
	}
	return err
}
