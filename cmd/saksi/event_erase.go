package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

type eventEraseInput struct {
	waiting
	target, ground, order string
	dryRun                bool
}

func eventErase() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "event erase", Old: []string{"body erase"}, Roles: []string{regulator, nodes},
		Summary: "erase what an event, or a whole message, says; its proofs stay",
		Text: "12/3 is event 3 of leaf 12; 12 is the whole message of leaf 12. The order is put on record, within the authority's mandate. The node then " +
			"overwrites the bytes in the ledger and in the broker's stream, makes the views again without them, and searches all files below " +
			"the home for them. Digests, signature and verdict stay, and so do all proofs; audits count what can't be recomputed. A legal " +
			"hold keeps all of it until it is released.",
		Examples: []string{
			"saksi event erase --home authority --dry-run 12/3",
			"saksi event erase --ground data-protection --order 2026-17 12/3",
		},
	}, func(in *eventEraseInput, f *cmdline.Flags) {
		f.Argument(&in.target, "LEAF/EVENT|LEAF")
		f.String(&in.ground, "ground", "the legal `GROUND`, as a code; it stands in the record (required without --dry-run)")
		f.String(&in.order, "order", "the `NUMBER` of the order")
		f.Bool(&in.dryRun, "dry-run", "only show what would be erased")
		in.waiting.bind(f, eraseWait)
	}, runEventErase)
}

// erased is what came of an erasure.
type erased struct {
	Targets []authority.Target `json:"targets"`
	Leaves  []uint64           `json:"leaves,omitempty"` // that order it
	Hold    string             `json:"hold,omitempty"`   // for which it waits
	Search  *authority.Found   `json:"search,omitempty"`
}

func runEventErase(ctx context.Context, s *cmdline.Session, in *eventEraseInput) (*cmdline.Result, error) {
	if !in.dryRun && in.ground == "" {
		return nil, s.Usage("needs --ground")
	}
	leaf, place, err := parseTarget(in.target)
	if err != nil {
		return nil, err
	}
	h, err := home.OpenAuthority(in.home)
	if err != nil {
		return nil, hint.With(err, "erasing is done from the home of the authority that runs the ledger: it has the bodies")
	}
	var out erased
	if out.Targets, err = authority.Targets(ctx, h, leaf, place); err != nil {
		return nil, err
	}
	if in.dryRun {
		return erasedResult(out), nil
	}
	if _, err := in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		var err error
		if out.Leaves, err = r.Erase(ctx, out.Targets, in.ground, in.order); err != nil {
			return nil, err
		}
		out.Search, out.Hold, err = authority.AwaitErased(ctx, h, out.Targets)
		return nil, err
	}); err != nil {
		return nil, err
	}
	if out.Search != nil && len(out.Search.Hits) > 0 {
		return erasedResult(out), hint.With(errors.New("some of it is still there: "+strings.Join(out.Search.Hits, ", ")),
			"another event may say the same in the same bytes; saksi event erase takes one at a time")
	}
	return erasedResult(out), nil
}

// parseTarget reads LEAF or LEAF/EVENT.
func parseTarget(text string) (leaf uint64, place *int, err error) {
	first, second, found := strings.Cut(text, "/")
	leaf, err = strconv.ParseUint(first, 10, 53)
	if err == nil && found {
		var n int
		n, err = strconv.Atoi(second)
		place = &n
	}
	if err != nil {
		return 0, nil, hint.With(cmdline.Usage("%q is no event: want LEAF/EVENT, as 12/3, or LEAF for a whole message", text), "saksi view --columns ref touches shows them")
	}
	return leaf, place, nil
}

// eventOfLeaf reads LEAF/EVENT.
func eventOfLeaf(s *cmdline.Session, text string) (leaf uint64, place int, _ error) {
	leaf, event, err := parseTarget(text)
	if err != nil {
		return 0, 0, err
	}
	if event == nil {
		return 0, 0, s.Usage("takes LEAF/EVENT, as %d/0", leaf)
	}
	return leaf, *event, nil
}

func erasedResult(e erased) *cmdline.Result {
	out := &cmdline.Result{Document: e, Columns: []string{"what", "recorder", "verdict", "bytes", "types"}}
	for _, t := range e.Targets {
		out.Rows = append(out.Rows, []any{t.String(), t.Recorder, string(t.Verdict), t.Bytes, strings.Join(t.Types, ", ")})
	}
	switch {
	case len(e.Leaves) == 0:
		out.Note = "Nothing was erased."
	case e.Hold != "":
		out.Note = fmt.Sprintf("Ordered by leaf %d. Hold %s keeps it: it is erased when that is released.", e.Leaves[0], e.Hold)
	case e.Search != nil:
		out.Note = fmt.Sprintf("Ordered by leaf %d, and erased. %d files of %d bytes were searched for it: %s.", e.Leaves[0], e.Search.Files, e.Search.Bytes,
			hits(len(e.Search.Hits)))
	}
	return out
}

func hits(n int) string {
	switch n {
	case 0:
		return "none has any of it"
	case 1:
		return "one still has some of it"
	}
	return fmt.Sprintf("%d still have some of it", n)
}
