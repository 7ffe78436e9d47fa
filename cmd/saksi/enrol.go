package main

import (
	"path/filepath"

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
		Description: "The signing key is a file in the home, unless --agent names one that an ssh-agent holds. A passphrase for --encrypt,\n" +
			"and for whatever signs later, comes from the file that SAKSI_PASSPHRASE_FILE names, or the descriptor SAKSI_PASSPHRASE_FD.",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "role", Usage: "as `WHAT` to take part: operator, reader or authority", Value: string(home.RoleOperator), EnvVars: env("role")},
			algorithmFlag(), encryptFlag(), agentFlag(), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME")
			if err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			h, err := enrolled(home.Role(c.String("role")), homeOf(c), args[0], keySpec(c))
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
			note := "Give the request to the authority, and read them the fingerprint over another channel."
			if request.Role == home.RoleMember {
				note += "\n" + recoveryAdvice(homeOf(c))
			}
			return result{
				document: map[string]any{"request": h.RequestFile(), "name": request.Name, "keyid": signer.PublicKey().ID(), "fingerprint": fingerprint},
				rows:     [][]any{{"request", h.RequestFile()}, {"fingerprint", fingerprint}},
				note:     note,
			}.print(c)
		},
	}
}

// recoveryAdvice says what to do with an authority's recovery key.
func recoveryAdvice(dir string) string {
	return "Take " + filepath.Join(dir, home.RecoveryFile) + " away from this machine: it alone takes the authority's voice back when its key is lost or stolen."
}

// party is a home of any role that enrols and joins.
type party interface {
	RequestFile() string
	Signer() (*events.Signer, error)
	NewKey(home.KeySpec) (request string, key events.PublicKey, err error)
	UseKeys(ids ...string) ([]events.PublicKey, error)
	Keys() ([]home.HeldKey, error)
	Join(grantPath, logKey string) (*home.Grant, error)
	Grant() (*home.Grant, error)
}

func enrolled(role home.Role, dir, name string, spec home.KeySpec) (party, error) {
	switch role {
	case home.RoleOperator:
		return home.NewOperatorWith(dir, name, spec)
	case home.RoleReader:
		return home.NewReaderWith(dir, name, spec)
	case home.RoleAuthority, home.RoleMember:
		return home.NewMemberAuthority(dir, name, spec)
	}
	return nil, usage("--role %s: want operator, reader or authority", role)
}
