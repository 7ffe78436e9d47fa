package main

import (
	"context"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type recorderAddInput struct {
	waiting
	recorder, kind string
	attestEvery    time.Duration
	signatures     int
	unknown        bool
}

func recorderAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "recorder add", Roles: []string{regulator},
		Summary: "declare a recorder: a source of records",
		Examples: []string{
			"saksi recorder add --home authority --kind control-plane nimbus-my/lab-1/cloudtrail",
			"saksi recorder add --kind badge --attest-every 24h nimbus-my/lab-1/badges",
			"saksi recorder add --kind approvals --signatures 2 nimbus-my/lab-1/approvals",
		},
	}, func(in *recorderAddInput, f *cmdline.Flags) {
		f.Argument(&in.recorder, "OPERATOR/FACILITY/RECORDER").Complete(completeNewRecorder)
		f.String(&in.kind, "kind", "what it observes, its `KIND`: control-plane, bastion, badge, approvals, hypervisor, dcim or other").Required().
			Complete(cmdline.OneOf("control-plane", "bastion", "badge", "approvals", "hypervisor", "dcim", "other"))
		f.Duration(&in.attestEvery, "attest-every", "how often it must attest: a `TIME` such as 1h")
		in.signatures = 1
		f.Int(&in.signatures, "signatures", "how many `SIGNATURES` each envelope must have: 1 or 2")
		unknownFlag(f, &in.unknown)
		in.waiting.bind(f, registryWait)
	}, runRecorderAdd)
}

// completeNewRecorder offers an operator, and then a facility.
func completeNewRecorder(so cmdline.Partial) []cmdline.Candidate {
	k, before := anOperator, ""
	if operator, _, ok := strings.Cut(so.Word, "/"); ok {
		k, before = aFacility, operator+"/"
	}
	var list []cmdline.Candidate
	for _, name := range knownAt(so.Home, k) {
		list = append(list, cmdline.Candidate{Value: before + name + "/", About: string(k)})
	}
	return list
}

func runRecorderAdd(ctx context.Context, _ *cmdline.Session, in *recorderAddInput) (*cmdline.Result, error) {
	if err := (names{in.home, in.unknown}).recorderParts(in.recorder); err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := r.AddRecorder(ctx, events.RecorderDeclared{
			Recorder: in.recorder, Kind: events.RecorderKind(in.kind),
			AttestEverySeconds: events.Integer(in.attestEvery / time.Second),
			Signatures:         events.Integer(in.signatures),
		})
		if err != nil {
			return nil, err
		}
		return leafResult("recorder", in.recorder, leaf), nil
	})
}
