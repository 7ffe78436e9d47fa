package main

import (
	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/home"
)

func enrolCommand() *cli.Command {
	return &cli.Command{
		Name:      "enrol",
		Usage:     "make keys, which never leave, and a request for the authority",
		Category:  "everyone",
		ArgsUsage: "NAME",
		Flags:     []cli.Flag{homeFlag(), formatFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME")
			if err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			o, err := home.NewOperator(homeOf(c), args[0])
			if err != nil {
				return err
			}
			request, err := home.ReadRequest(o.RequestFile())
			if err != nil {
				return err
			}
			signer, err := o.Signer()
			if err != nil {
				return err
			}
			fingerprint := home.Fingerprint(signer.PublicKey())
			return result{
				document: map[string]any{"request": o.RequestFile(), "name": request.Name, "keyid": signer.PublicKey().ID(), "fingerprint": fingerprint},
				rows:     [][]any{{"request", o.RequestFile()}, {"fingerprint", fingerprint}},
				note:     "Give the request to the authority, and read them the fingerprint over another channel.",
			}.print(c)
		},
	}
}
