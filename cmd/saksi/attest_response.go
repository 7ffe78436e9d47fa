package main

import (
	"context"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type attestResponseInput struct {
	statementInput
	finding, answer, reason, until string
}

func attestResponse() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "attest response", Roles: []string{operators},
		Summary: "answer a finding",
		Text:    "FINDING is the id that the authority has given of it. The answer stands beside the finding in the authority's view.",
		Examples: []string{
			"saksi attest response --home nimbus --recorder lab-1/badges --answer explained --reason reader_replaced sequence-gap/nimbus-my/lab-1/badges/1/4",
			"saksi attest response --recorder lab-1/badges --answer accepted --until 2026-12-15 sequence-gap/nimbus-my/lab-1/badges/1/4",
		},
	}, func(in *attestResponseInput, f *cmdline.Flags) {
		f.Argument(&in.finding, "FINDING")
		f.String(&in.answer, "answer", "the `ANSWER`: explained, accepted, corrected or disputed").Required().Complete(cmdline.OneOf("explained", "accepted", "corrected", "disputed"))
		f.String(&in.reason, "reason", "why, as a `CODE`")
		f.String(&in.until, "until", "the `TIME` by which it will be put right")
		f.Zone()
		in.statementInput.bind(f)
	}, runAttestResponse)
}

func runAttestResponse(ctx context.Context, s *cmdline.Session, in *attestResponseInput) (*cmdline.Result, error) {
	atFacility(s, in.home, facilityOf(in.recorder))
	until, err := s.Time("until", in.until, time.Time{})
	if err != nil {
		return nil, err
	}
	return in.state(ctx, s, func(_ *operator.Client, r events.Recorder) (vocabulary.Said, error) {
		response := events.ResponseAttested{Recorder: r.String(), Finding: in.finding, Answer: events.FindingAnswer(in.answer), Reason: in.reason}
		if !until.IsZero() {
			response.Until = events.At(until)
		}
		return vocabulary.AttestationResponse.Of(response.Statement()), nil
	})
}
