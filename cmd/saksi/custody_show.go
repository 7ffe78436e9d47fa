package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

type custodyShowInput struct{ file, trust string }

func custodyShow() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "custody show", Roles: []string{auditor, regulator},
		Summary:  "check FILE.custody against FILE, and list whose hands it went through",
		Examples: []string{"saksi custody show --trust trust.json visit.saksi", "saksi custody show --trust trust.json --json visit.saksi"},
	}, func(in *custodyShowInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE").File()
		trustFlag(f, &in.trust).Required()
		f.Format()
	}, runCustodyShow)
}

func runCustodyShow(_ context.Context, s *cmdline.Session, in *custodyShowInput) (*cmdline.Result, error) {
	trust, err := readTrust(in.trust)
	if err != nil {
		return nil, err
	}
	digest, size, err := digestOfFile(in.file)
	if err != nil {
		return nil, err
	}
	list, err := custodyOf(in.file, digest, size, trust)
	switch {
	case err != nil:
		return nil, err
	case list == nil:
		return nil, hint.With(fmt.Errorf("nothing is known of the custody of %s", in.file), "saksi custody add begins it")
	}
	if s.Format == "table" {
		_, err := io.WriteString(s.Out, verify.CustodyText(list))
		return nil, err
	}
	out := &cmdline.Result{Document: list, Columns: []string{"n", "at", "action", "by", "known", "note"}}
	for _, e := range list {
		out.Rows = append(out.Rows, []any{e.Number, e.At.Format(time.RFC3339), string(e.Action), e.By, cmdline.YesNo(e.Known), e.Note})
	}
	return out, nil
}

// custodyOf verifies the custody of a piece of evidence; nil if there is none.
func custodyOf(path string, digest events.Digest, size int64, trust *verify.Trust) ([]verify.StatedCustody, error) {
	file, err := readCustody(path)
	if err != nil || file == nil {
		return nil, err
	}
	list, err := verify.VerifyCustody(file, digest, size, trust)
	if err != nil {
		return nil, cmdline.WithStatus(cmdline.DoesNotHold, fmt.Errorf("%s does not hold: %w", path+custodySuffix, err))
	}
	return list, nil
}
