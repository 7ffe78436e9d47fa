package main

import (
	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func operatorReadmit() cmdline.Command {
	return operatorAct(cmdline.Command{
		Path: "operator readmit", Roles: []string{regulator},
		Summary: "end an operator's suspension",
		Examples: []string{
			"saksi operator readmit --home authority --reason 'investigation closed' nimbus-my",
			"saksi operator readmit --reason 'licence renewed' garuda-cloud",
		},
	}, (*authority.Registrar).ReadmitOperator)
}
