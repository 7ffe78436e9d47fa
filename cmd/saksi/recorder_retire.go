package main

import (
	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func recorderRetire() cmdline.Command {
	return retirement(cmdline.Command{
		Path: "recorder retire", Roles: []string{regulator},
		Summary: "end a recorder: nothing more from it is accepted, until it is declared again",
		Examples: []string{
			"saksi recorder retire --home authority --reason 'system replaced' nimbus-my/lab-1/badges",
			"saksi recorder retire --reason 'never used' nimbus-my/lab-1/typo",
		},
	}, aRecorder, (*authority.Registrar).RetireRecorder)
}
