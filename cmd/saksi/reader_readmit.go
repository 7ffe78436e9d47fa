package main

import (
	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func readerReadmit() cmdline.Command {
	return readerAct(cmdline.Command{
		Path: "reader readmit", Roles: []string{regulator},
		Summary:  "end a reader's suspension",
		Examples: []string{"saksi reader readmit --home authority desk-2", "saksi reader readmit --json former-auditor"},
	}, false, (*authority.Readership).Readmit)
}
