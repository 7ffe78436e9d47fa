package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/authority"
)

func personErase() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "person erase", Roles: []string{regulator},
		Summary: "erase all that tells who a pseudonym is",
		Text: "The node erases every disclosure of it that it keeps, and any that come later. Pseudonym, digests and all proofs stay, and stand for " +
			"nobody. The operator erases its own by saksi outbox erase. A legal hold keeps the disclosures until it is released.",
		Examples: []string{
			"saksi person erase --home authority --operator nimbus-my --ground data-protection p-7f3a9c",
			"saksi person erase --operator nimbus-my --ground data-protection --order 2026-18 p-7f3a9c",
		},
	}, func(in *personInput, f *cmdline.Flags) { in.bind(f, eraseWait) }, runPersonErase)
}

func runPersonErase(ctx context.Context, _ *cmdline.Session, in *personInput) (*cmdline.Result, error) {
	who, err := in.person()
	if err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		texts, err := r.PersonTexts(ctx, who)
		member := errors.Is(err, authority.ErrMember)
		if err != nil && !member {
			return nil, err
		}
		leaf, err := r.ErasePerson(ctx, who, in.ground, in.order)
		if err != nil {
			return nil, err
		}
		document := map[string]any{"actor": who.Actor, "operator": who.Operator, "leaf": leaf}
		out := cmdline.Pairs(document, "pseudonym", who.Actor, "operator", who.Operator, "leaf", leaf)
		if member {
			out.Note = "The authority that runs the ledger has its node erase it."
			return out, nil
		}
		found, hold, err := r.AwaitPersonErased(ctx, leaf, texts)
		if err != nil {
			return nil, err
		}
		document["disclosures"] = len(texts)
		out.Rows = append(out.Rows, cmdline.Pair("disclosures", len(texts)))
		if hold != "" {
			document["hold"] = hold
			out.Note = fmt.Sprintf("Hold %s keeps it: it is erased when that is released.", hold)
			return out, nil
		}
		document["search"] = found
		out.Note = fmt.Sprintf("Erased. %d files of %d bytes were searched for it: %s.", found.Files, found.Bytes, hits(len(found.Hits)))
		if len(found.Hits) > 0 {
			return out, errors.New("some of it is still there: " + strings.Join(found.Hits, ", "))
		}
		return out, nil
	})
}
