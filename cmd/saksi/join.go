package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/home"
)

func joinCommand() *cli.Command {
	return &cli.Command{
		Name:      "join",
		Usage:     "take the authority's grant: credentials, addresses, trust",
		Category:  "everyone",
		ArgsUsage: "GRANT",
		Flags:     []cli.Flag{homeFlag(), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "GRANT")
			if err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			h, err := joining(homeOf(c))
			if err != nil {
				return err
			}
			grant, err := h.Join(args[0])
			if err != nil {
				return err
			}
			return result{
				document: map[string]any{"name": grant.Name, "ledger": grant.Ledger, "nats": grant.NATS, "http": grant.HTTP},
				rows: [][]any{
					{"ledger", grant.Ledger.Origin}, {"owner", grant.Ledger.Owner}, {"log key", grant.Ledger.Key},
					{"nats", grant.NATS}, {"http", grant.HTTP},
				},
				note: "Compare the log key with what the authority has published elsewhere: from here on it is believed.",
			}.print(c)
		},
	}
}

// joining opens the home of an operator, of a reader, or of an authority with a seat.
func joining(dir string) (party, error) {
	if seat, err := home.OpenSeat(dir); err == nil {
		return seat, nil
	}
	reader, err := home.OpenReader(dir)
	if err == nil {
		return reader, nil
	}
	operator, err := home.OpenOperator(dir)
	if errors.Is(err, home.ErrOtherRole) {
		return nil, hinted{fmt.Errorf("%s is the home of the authority that runs the ledger, and this needs one of somebody who takes part in it", dir), "say which directory with --home or SAKSI_HOME"}
	}
	return operator, err
}
