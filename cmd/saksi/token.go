package main

import (
	"context"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
)

type tokenInput struct {
	home string
	life time.Duration
}

func tokenCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "token", Roles: []string{customer, operators},
		Summary: "print a bearer token for the API, signed with this home's key",
		Text: "For a reader's or an operator's home. Whoever has the token can read as you until it ends: use it in a header, as in " +
			`curl -H "Authorization: Bearer $(saksi token --home desk)", and keep it nowhere.`,
		Examples: []string{"saksi token --home desk", "saksi token --home desk --life 10m"},
	}, func(in *tokenInput, f *cmdline.Flags) {
		in.life = time.Hour
		f.Duration(&in.life, "life", "how long it is valid, the `TIME`: 24h at most")
		f.Home(&in.home)
	}, runToken)
}

func runToken(_ context.Context, s *cmdline.Session, in *tokenInput) (*cmdline.Result, error) {
	h, err := openParty(in.home)
	if err != nil {
		return nil, err
	}
	text, err := mint(h, in.life)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintln(s.Out, text)
	return nil, err
}
