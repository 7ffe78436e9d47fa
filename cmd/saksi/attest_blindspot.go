package main

import (
	"context"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type attestBlindspotInput struct {
	statementInput
	code, why, from, until string
}

func attestBlindspot() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "attest blindspot", Roles: []string{operators},
		Summary: "declare what a recorder doesn't record",
		Examples: []string{
			"saksi attest blindspot --home nimbus --recorder lab-1/badges --why no-reader loading-dock",
			"saksi attest blindspot --recorder lab-1/badges --why maintenance --from 2026-11-20T01:00Z --until 2026-11-20T03:00Z hall-2",
		},
	}, func(in *attestBlindspotInput, f *cmdline.Flags) {
		f.Argument(&in.code, "CODE")
		f.String(&in.why, "why", "the reason, as a `CODE`").Required()
		f.String(&in.from, "from", "the `TIME` from which (default: now)")
		f.String(&in.until, "until", "the `TIME` until which, if it is known")
		f.Zone()
		in.statementInput.bind(f)
	}, runAttestBlindspot)
}

func runAttestBlindspot(ctx context.Context, s *cmdline.Session, in *attestBlindspotInput) (*cmdline.Result, error) {
	atFacility(s, in.home, facilityOf(in.recorder))
	from, err := s.Time("from", in.from, time.Now().Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	until, err := s.Time("until", in.until, time.Time{})
	if err != nil {
		return nil, err
	}
	if !until.IsZero() && !until.After(from) {
		return nil, cmdline.Usage("--until %s is not after --from %s", in.until, s.Stamp(from))
	}
	return in.state(ctx, s, func(_ *operator.Client, r events.Recorder) (vocabulary.Said, error) {
		b := events.BlindspotAttested{Recorder: r.String(), Unrecorded: in.code, Why: in.why, From: events.At(from)}
		if !until.IsZero() {
			b.Until = events.At(until)
		}
		return vocabulary.AttestationBlindspot.Of(b.Statement()), nil
	})
}
