package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/authority"
)

type eventUnsealInput struct {
	waiting
	event, ground, order string
}

func eventUnseal() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "event unseal", Old: []string{"sealed open"}, Roles: []string{regulator},
		Summary: "read an event that was sealed to this authority",
		Text: "It is put on record first that it is read, and on what ground; the operator sees that. What is sealed had no admission of its own: " +
			"what is wrong with it is shown.",
		Examples: []string{
			"saksi event unseal --home authority --ground incident-review 12/0",
			"saksi event unseal --ground court-order --order 2026-17 40/2",
		},
	}, func(in *eventUnsealInput, f *cmdline.Flags) {
		f.Argument(&in.event, "LEAF/EVENT")
		groundFlag(f, &in.ground).Also("reason")
		f.String(&in.order, "order", "the `NUMBER` of the order")
		in.waiting.bind(f, registryWait)
	}, runEventUnseal)
}

// groundFlag adds --ground.
func groundFlag(f *cmdline.Flags, to *string) *cmdline.Flag {
	return f.String(to, "ground", "the legal `GROUND`, as a code; it stands in the record").Required()
}

func runEventUnseal(ctx context.Context, s *cmdline.Session, in *eventUnsealInput) (*cmdline.Result, error) {
	if _, _, err := eventOfLeaf(s, in.event); err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		opened, err := r.OpenSealed(ctx, in.event, in.ground, in.order)
		if err != nil {
			return nil, err
		}
		var event any
		if json.Unmarshal(opened.Event, &event) != nil {
			event = safetext.Line(string(opened.Event))
		}
		out := cmdline.Pairs(map[string]any{"ref": opened.Ref, "leaf": opened.Leaf, "type": opened.Type, "event": event, "problem": opened.Problem},
			"sealed event", opened.Ref, "type", opened.Type, "event", string(opened.Event))
		out.Note = fmt.Sprintf("On record as leaf %d, where the operator sees it.", opened.Leaf)
		if opened.Problem != "" {
			out.Rows = append(out.Rows, cmdline.Pair("wrong with it", opened.Problem))
		}
		return out, nil
	})
}
