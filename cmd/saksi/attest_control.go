package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type attestControlInput struct {
	statementInput
	control, status, framework string
}

func attestControl() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "attest control", Roles: []string{operators},
		Summary: "attest how far a control is in place",
		Examples: []string{
			"saksi attest control --home nimbus --recorder lab-1/badges two-person-rule",
			"saksi attest control --recorder lab-1/badges --status partly --framework 'ISO 27001 A.7.2' visitor-escort",
		},
	}, func(in *attestControlInput, f *cmdline.Flags) {
		f.Argument(&in.control, "CONTROL")
		in.status = string(events.ControlInPlace)
		f.String(&in.status, "status", "how far, the `STATUS`: in_place, partly or not_in_place").Complete(cmdline.OneOf("in_place", "partly", "not_in_place"))
		f.String(&in.framework, "framework", "the `FRAMEWORK` that asks for it, and its number there")
		in.statementInput.bind(f)
	}, func(ctx context.Context, s *cmdline.Session, in *attestControlInput) (*cmdline.Result, error) {
		return in.state(ctx, s, func(_ *operator.Client, r events.Recorder) (vocabulary.Said, error) {
			return vocabulary.AttestationControl.Of(events.ControlAttested{
				Recorder: r.String(), Control: in.control, Framework: in.framework, Status: events.ControlStatus(in.status),
			}.Statement()), nil
		})
	})
}
