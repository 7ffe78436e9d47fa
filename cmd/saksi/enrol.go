package main

import (
	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/home"
)

func enrolCommand() *cli.Command {
	return &cli.Command{
		Name:      "enrol",
		Usage:     "make keys, which never leave, and a request for the authority",
		Category:  "everyone",
		ArgsUsage: "NAME",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "role", Usage: "as `WHAT` to take part: operator or reader", Value: string(home.RoleOperator), EnvVars: env("role")},
			formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME")
			if err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			h, err := enrolled(home.Role(c.String("role")), homeOf(c), args[0])
			if err != nil {
				return err
			}
			request, err := home.ReadRequest(h.RequestFile())
			if err != nil {
				return err
			}
			signer, err := h.Signer()
			if err != nil {
				return err
			}
			fingerprint := home.Fingerprint(signer.PublicKey())
			return result{
				document: map[string]any{"request": h.RequestFile(), "name": request.Name, "keyid": signer.PublicKey().ID(), "fingerprint": fingerprint},
				rows:     [][]any{{"request", h.RequestFile()}, {"fingerprint", fingerprint}},
				note:     "Give the request to the authority, and read them the fingerprint over another channel.",
			}.print(c)
		},
	}
}

// party is a home of either role that enrols and joins.
type party interface {
	RequestFile() string
	Signer() (*events.Signer, error)
	Join(grantPath string) (*home.Grant, error)
	Grant() (*home.Grant, error)
}

func enrolled(role home.Role, dir, name string) (party, error) {
	switch role {
	case home.RoleOperator:
		return home.NewOperator(dir, name)
	case home.RoleReader:
		return home.NewReader(dir, name)
	}
	return nil, usage("--role %s: want operator or reader", role)
}
