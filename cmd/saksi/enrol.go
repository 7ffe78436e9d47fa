package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/home"
)

type enrolInput struct {
	keyInput
	home, name, role string
}

func enrol() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "enrol", Roles: []string{operators, customer},
		Summary: "make keys, which never leave the home, and a request for the authority",
		Text:    passphraseHelp,
		Examples: []string{
			"saksi enrol --home nimbus nimbus-my",
			"saksi enrol --home desk --role reader supervision-desk",
			"saksi enrol --home nimbus --encrypt --algorithm ecdsa-p256 nimbus-my",
		},
	}, func(in *enrolInput, f *cmdline.Flags) {
		f.Argument(&in.name, "NAME")
		in.role = string(home.RoleOperator)
		f.String(&in.role, "role", "take part as this `ROLE`: operator, reader or authority").Complete(cmdline.OneOf("operator", "reader", "authority"))
		in.keyInput.bind(f)
		f.NewHome(&in.home)
		f.Format()
	}, runEnrol)
}

func runEnrol(_ context.Context, _ *cmdline.Session, in *enrolInput) (*cmdline.Result, error) {
	h, err := enrolled(home.Role(in.role), in.home, in.name, in.spec())
	if err != nil {
		return nil, err
	}
	request, err := home.ReadRequest(h.RequestFile())
	if err != nil {
		return nil, err
	}
	signer, err := h.Signer()
	if err != nil {
		return nil, err
	}
	fingerprint := home.Fingerprint(signer.PublicKey())
	out := cmdline.Pairs(map[string]any{"request": h.RequestFile(), "name": request.Name, "keyid": signer.PublicKey().ID(), "fingerprint": fingerprint},
		"request", h.RequestFile(), "fingerprint", fingerprint)
	out.Note = "Give the request to the authority, and read them the fingerprint over another channel."
	if request.Role == home.RoleMember {
		out.Note += "\n" + recoveryAdvice(in.home)
	}
	return out, nil
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
	return nil, cmdline.Usage("--role %s: want operator, reader or authority", role)
}
