package main

import (
	"context"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

type findingAcknowledgeInput struct {
	waiting
	finding, note string
}

func findingAcknowledge() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "finding acknowledge", Roles: []string{regulator},
		Summary: "put on record that a finding was seen",
		Examples: []string{
			"saksi finding acknowledge --home authority sequence-gap/nimbus-my/lab-1/badges/1/4",
			"saksi finding acknowledge --note 'case 17' sequence-gap/nimbus-my/lab-1/badges/1/4",
		},
	}, func(in *findingAcknowledgeInput, f *cmdline.Flags) {
		f.Argument(&in.finding, "FINDING").Complete(completeFindings)
		noteFlag(f, &in.note)
		in.waiting.bind(f, registryWait)
	}, func(ctx context.Context, _ *cmdline.Session, in *findingAcknowledgeInput) (*cmdline.Result, error) {
		return in.settle(ctx, in.finding, func(ctx context.Context, r *authority.Registrar, facility string) (uint64, error) {
			return r.AcknowledgeFinding(ctx, events.FindingAcknowledged{Finding: in.finding, Facility: facility, Note: in.note})
		})
	})
}

func noteFlag(f *cmdline.Flags, to *string) {
	f.String(to, "note", "a short `NOTE` or reference for the record, without persons")
}

// settle puts on record what became of a finding.
func (in *waiting) settle(ctx context.Context, id string, act func(context.Context, *authority.Registrar, string) (uint64, error)) (*cmdline.Result, error) {
	// Its id begins with the rule and the recorder: operator, facility, name.
	parts := strings.Split(id, "/")
	if len(parts) < 4 || !events.ValidName(parts[2]) {
		return nil, hint.With(cmdline.Usage("%q is no finding's id", id), findingsHint)
	}
	if _, err := home.OpenAuthority(in.home); err == nil {
		if _, err := oneFinding(ctx, in.home, id); err != nil {
			return nil, err
		}
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		leaf, err := act(ctx, r, parts[2])
		if err != nil {
			return nil, err
		}
		return leafResult("finding", id, leaf), nil
	})
}
