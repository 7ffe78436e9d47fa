package main

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type joinInput struct {
	waiting
	grant, predecessor, logKey string
	unproven                   bool
}

func join() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "join", Roles: []string{operators, customer},
		Summary: "take the authority's grant: credentials, addresses, trust",
		Text: "In a home that has joined a ledger before, with a grant of its successor, the home moves: keys and outbox stay. What has a receipt of " +
			"the preceding ledger keeps it. What has none is looked for in that ledger's tree; what is not found there is published to the new " +
			"one, with the numbers that it has. An authority's acts that have no receipt are given up. After an interruption the same command " +
			"goes on.\n" +
			"The authority that the home knows since it joined must have signed for the move, or else --log-key says where to.",
		Examples: []string{
			"saksi join --home nimbus nimbus.grant",
			"saksi join --home nimbus --predecessor copy-of-the-old-tree successor.grant",
		},
	}, func(in *joinInput, f *cmdline.Flags) {
		f.Argument(&in.grant, "GRANT").File()
		f.String(&in.predecessor, "predecessor", "read the preceding ledger's tree from `WHERE`, a URL or the directory of a copy, instead of where the grant says").File()
		f.String(&in.logKey, "log-key", "the `KEY` of the ledger's log, in full, as the authority has told it over another channel: a grant of any other is refused")
		f.Bool(&in.unproven, "unproven", "move although that tree can't be read, or another was shown: what has no receipt is published again, and may stand in both")
		in.waiting.bind(f, statementWait)
	}, runJoin)
}

func runJoin(ctx context.Context, s *cmdline.Session, in *joinInput) (*cmdline.Result, error) {
	h, err := openParty(in.home)
	if err != nil {
		return nil, err
	}
	grant, moved, err := takeGrant(ctx, s, in, h)
	if err != nil {
		return nil, err
	}
	document := map[string]any{"name": grant.Name, "ledger": grant.Ledger, "nats": grant.NATS, "http": grant.HTTP}
	out := cmdline.Pairs(document, "ledger", grant.Ledger.Origin, "owner", grant.Ledger.Owner, "log key", grant.Ledger.Key, "nats", grant.NATS, "http", grant.HTTP)
	out.Note = "Compare the log key with what the authority has published elsewhere: from here on it is believed."
	if moved == nil {
		return out, nil
	}
	document["moved"] = moved
	out.Rows = append(out.Rows, movedRows(moved)...)
	if moved.Disclosures > 0 {
		out.Note += "\nDisclosures that were on their way are encrypted to the preceding ledger, and not sent: saksi event disclose sends them again."
	}
	if moved.Behind.Envelopes > 0 {
		out.Note += "\nSome receipts are of leaves that the new ledger doesn't know: saksi outbox receipts writes them, for the authority to see."
	}
	if _, isOperator := h.(*home.Operator); !isOperator || moved.Waiting.Envelopes == 0 {
		return out, nil
	}
	// The move is made, whatever comes of it. Who waits is told what for.
	fmt.Fprintf(s.Err, "moved; sending %d envelopes to %s at %s, for %s at most: what is left then waits in the outbox\n",
		moved.Waiting.Envelopes, safetext.Line(grant.Ledger.Origin), safetext.Line(grant.NATS), in.timeout)
	flushed, sending := sendMoved(ctx, s, in, moved)
	document["flushed"] = flushed
	out.Rows = append(out.Rows, flushRows(flushed)...)
	if err := offline(sending); err != nil {
		return out, err
	}
	return out, rejectedError(flushed)
}

// takeGrant takes a grant, and moves what the home holds if it is of a successor.
func takeGrant(ctx context.Context, s *cmdline.Session, in *joinInput, h party) (*home.Grant, *client.Moved, error) {
	announceMove(s, h, in.grant)
	mover, publishes := h.(operator.Mover)
	if !publishes {
		grant, err := h.Join(in.grant, in.logKey)
		return grant, nil, err
	}
	_, isMember := h.(*home.MemberAuthority)
	shown := cmdline.NewSteps(s.Err)
	defer shown.Done()
	return operator.Move(ctx, mover, in.grant, operator.MoveOptions{
		Predecessor: in.predecessor, LogKey: in.logKey, Unproven: in.unproven, Drop: isMember,
		Progress: func(done, total uint64) { shown.Set("looking for receipts", int(done), int(total)) },
	})
}

// announceMove says from where to where a home is asked to move, before anything is.
func announceMove(s *cmdline.Session, h party, path string) {
	before, err := h.Grant()
	if err != nil {
		return
	}
	next, err := home.ReadGrant(path)
	if err != nil || next.Ledger.Key == before.Ledger.Key {
		return
	}
	fmt.Fprintf(s.Err, "this home is of   %s, log key %s\nthe grant is of   %s, log key %s\n",
		safetext.Line(before.Ledger.Origin), safetext.Line(before.Ledger.Key), safetext.Line(next.Ledger.Origin), safetext.Line(next.Ledger.Key))
}

func movedRows(m *client.Moved) [][]any {
	envelopes := func(n int64) string { return cmdline.Counted(n, "envelope", "envelopes") }
	if m.Again {
		return [][]any{
			{"moved", "before"},
			{"receipts kept", fmt.Sprintf("%d for %d events, of ledgers before", m.Kept.Envelopes, m.Kept.Events)},
			{"to be sent", fmt.Sprintf("%d envelopes, %d events", m.Waiting.Envelopes, m.Waiting.Events)},
		}
	}
	rows := [][]any{
		{"receipts found", fmt.Sprintf("%d for %s, of the ledger before", m.Found.Receipts, cmdline.Counted(m.Found.Events, "event", "events"))},
		{"to be sent", fmt.Sprintf("%s, %s", envelopes(int64(m.Waiting.Envelopes)), cmdline.Counted(m.Waiting.Events, "event", "events"))},
	}
	if m.Found.Rejected > 0 {
		rows = append(rows, []any{"rejected there", m.Found.Rejected})
	}
	if m.Dropped.Envelopes > 0 {
		rows = append(rows, []any{"given up", fmt.Sprintf("%s, which have no receipt", cmdline.Counted(m.Dropped.Events, "act", "acts"))})
	}
	if m.Behind.Envelopes > 0 {
		rows = append(rows, []any{"left behind", fmt.Sprintf("%s, %s: their receipts are of leaves that the new ledger does not go by",
			envelopes(int64(m.Behind.Envelopes)), cmdline.Counted(m.Behind.Events, "event", "events"))})
	}
	return rows
}

// sendMoved sends what waits to the ledger that the home has moved to.
func sendMoved(ctx context.Context, s *cmdline.Session, in *joinInput, moved *client.Moved) (flushed client.Result, _ error) {
	_, err := withOperator(ctx, in.home, func(d *operator.Client) (_ *cmdline.Result, err error) {
		flushed, err = flush(ctx, s, d, flushing{timeout: in.timeout, pending: moved.Waiting.Events})
		return nil, err
	})
	return flushed, err
}
