package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/home"
)

type contextAddInput struct {
	name, home, zone string
	force            bool
}

func contextAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "context add", Roles: []string{starting},
		Summary: "give a home a name; the first context becomes the current one",
		Text: "Contexts are kept in a file of your own: the one that SAKSI_CONFIG names, or saksi/contexts.json in XDG_CONFIG_HOME or your " +
			"configuration directory. It holds no secrets.",
		Examples: []string{
			"saksi context add regulator --home authority",
			"saksi context add kl-desk --home desk --tz Asia/Kuala_Lumpur",
		},
	}, func(in *contextAddInput, f *cmdline.Flags) {
		f.Argument(&in.name, "NAME")
		f.String(&in.zone, "tz", "read and show times in this `ZONE` there, such as Asia/Kuala_Lumpur").Env("context-tz")
		f.Bool(&in.force, "force", "replace a context of that name")
		f.NewHome(&in.home)
		f.Format()
	}, runContextAdd)
}

func runContextAdd(_ context.Context, _ *cmdline.Session, in *contextAddInput) (*cmdline.Result, error) {
	dir, err := filepath.Abs(in.home)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", in.home, err)
	}
	if _, err := home.RoleOf(dir); err != nil {
		return nil, err
	}
	if err := contexts().Add(cmdline.Context{Name: in.name, Home: dir, Zone: in.zone}, in.force); err != nil {
		return nil, err
	}
	return contextResult(in.name)
}
