package main

import (
	"context"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type attestCorrectionInput struct {
	statementInput
	event, reason, approver, approverCountry, by string
}

func attestCorrection() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "attest correction", Roles: []string{operators},
		Summary: "state that an event was wrong; it stays, and views show both",
		Text: "EVENT is the id of an event of this home that the ledger has accepted. With --by, another event has it right: publish that first. " +
			"Without, the event is withdrawn.",
		Examples: []string{
			"saksi attest correction --home nimbus --recorder lab-1/badges --reason wrong_person --approver p-1b2c3d 0f9b4c1e-7d1a-4f4e-9f0b-2a35f2a6f001",
			"saksi attest correction --recorder lab-1/badges --reason wrong_time --approver p-1b2c3d --by 5d2e8a70-1111-4f4e-9f0b-2a35f2a6f002 0f9b4c1e-7d1a-4f4e-9f0b-2a35f2a6f001",
		},
	}, func(in *attestCorrectionInput, f *cmdline.Flags) {
		f.Argument(&in.event, "EVENT")
		f.String(&in.reason, "reason", "why it was wrong, as a `CODE`").Required()
		f.String(&in.approver, "approver", "who approved the correction, as a `PSEUDONYM`").Required()
		in.approverCountry = events.UnknownCountry
		f.String(&in.approverCountry, "approver-country", "the `COUNTRY` where the approver works")
		f.String(&in.by, "by", "the id of the `EVENT` of the same recorder that has it right")
		in.statementInput.bind(f)
	}, runAttestCorrection)
}

func runAttestCorrection(ctx context.Context, s *cmdline.Session, in *attestCorrectionInput) (*cmdline.Result, error) {
	return in.state(ctx, s, func(d *operator.Client, r events.Recorder) (vocabulary.Said, error) {
		reader, err := bodiesOf(d)
		if err != nil {
			return vocabulary.Said{}, err
		}
		wrong, err := d.Reference(ctx, r, in.event, reader.Body)
		if err != nil {
			return vocabulary.Said{}, err
		}
		approver := events.Actor{
			ID: in.approver, Kind: events.KindPerson, Party: events.PartyOperator,
			EmployerCountry: in.approverCountry, OfficeCountry: in.approverCountry, PhysicalCountry: events.UnknownCountry,
		}
		if in.by == "" {
			return vocabulary.AttestationCorrection.Of(events.Withdrawing(wrong, in.reason, approver).Statement()), nil
		}
		if in.by == wrong.ID {
			return vocabulary.Said{}, cmdline.Usage("--by %s: an event can't replace itself", wrong.ID)
		}
		right, err := d.Reference(ctx, r, in.by, reader.Body)
		if err != nil {
			return vocabulary.Said{}, err
		}
		return vocabulary.AttestationCorrection.Of(events.Replacing(wrong, right, in.reason, approver).Statement()), nil
	})
}
