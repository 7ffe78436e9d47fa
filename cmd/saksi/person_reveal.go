package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type personInput struct {
	waiting
	pseudonym, operator, ground, order string
	facilities                         []string
}

func (in *personInput) bind(f *cmdline.Flags, timeout time.Duration) {
	f.Argument(&in.pseudonym, "PSEUDONYM")
	f.String(&in.operator, "operator", "the `OPERATOR` whose pseudonym it is").Required().Complete(completeNames(anOperator))
	groundFlag(f, &in.ground).Also("reason")
	f.String(&in.order, "order", "the `NUMBER` of the order")
	f.Strings(&in.facilities, "facility", "only at this `FACILITY` (default everywhere)").Complete(completeNames(aFacility))
	in.waiting.bind(f, timeout)
}

// person is who is meant, once the names are known to be in the registry.
func (in *personInput) person() (authority.Person, error) {
	known := names{dir: in.home}
	if err := errors.Join(known.check(anOperator, in.operator), known.check(aFacility, in.facilities...)); err != nil {
		return authority.Person{}, err
	}
	return authority.Person{Operator: in.operator, Actor: in.pseudonym, Facilities: in.facilities}, nil
}

func personReveal() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "person reveal", Roles: []string{regulator},
		Summary: "read what was disclosed of a person",
		Text: "It is put on record first that it is read, by whom and on what ground; the operator sees that: saksi view reveals. What was disclosed " +
			"is decrypted here, with the home's own identity, and compared with the digests in each event.",
		Examples: []string{
			"saksi person reveal --home authority --operator nimbus-my --ground incident-review p-7f3a9c",
			"saksi person reveal --operator nimbus-my --ground court-order --order 2026-17 --facility lab-1 p-7f3a9c",
		},
	}, func(in *personInput, f *cmdline.Flags) { in.bind(f, registryWait) }, runPersonReveal)
}

func runPersonReveal(ctx context.Context, _ *cmdline.Session, in *personInput) (*cmdline.Result, error) {
	who, err := in.person()
	if err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		revealed, err := r.Reveal(ctx, who, in.ground, in.order)
		if err != nil {
			return nil, err
		}
		out := &cmdline.Result{Document: revealed, Columns: []string{"event", "recorder", "what", "value"}}
		opened := 0
		for _, e := range revealed.Events {
			if e.Problem != "" {
				out.Rows = append(out.Rows, []any{e.Ref, e.Recorder, "", e.Problem})
				continue
			}
			opened++
			for _, fact := range e.Facts {
				value, err := json.Marshal(fact.Value)
				if err != nil {
					return nil, err
				}
				out.Rows = append(out.Rows, []any{e.Ref, e.Recorder, safetext.Line(fact.Name), safetext.Line(strings.Trim(string(value), `"`))})
			}
		}
		out.Note = fmt.Sprintf("On record as leaf %d, where the operator sees it. %d of %d events have disclosures, each of which its event holds the digest of.",
			revealed.Leaves[0], opened, len(revealed.Events))
		return out, nil
	})
}
