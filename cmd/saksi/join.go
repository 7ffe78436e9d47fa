package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func joinCommand() *cli.Command {
	return &cli.Command{
		Name:      "join",
		Usage:     "take the authority's grant: credentials, addresses, trust",
		Category:  "everyone",
		ArgsUsage: "GRANT",
		Description: "In a home that has joined a ledger before, with a grant of the one that takes its place, it moves: keys and outbox stay. What has\n" +
			"a receipt of the ledger before keeps it; what has none is looked for in its tree, and what is not found there is published to the new\n" +
			"one, with the numbers that it has. An authority's acts that have no receipt are given up. After an interruption the same command goes on.\n" +
			"A move must be signed for by the authority that the home knows since it joined, or else --log-key says where to.",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "predecessor", Usage: "read the tree of the ledger before from `WHERE`, a URL or the directory of a copy, instead of where the grant says", TakesFile: true},
			&cli.StringFlag{Name: "log-key", Usage: "the `KEY` of the ledger's log, in full, as the authority has told it over another channel: a grant of any other is refused"},
			&cli.BoolFlag{Name: "unproven", Usage: "move although that tree can't be read, or another was shown: what has no receipt is published again, and may stand in both"},
			timeoutFlag(5 * time.Minute), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "GRANT")
			if err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			h, err := joining(homeOf(c))
			if err != nil {
				return err
			}
			grant, moved, err := join(c, h, args[0])
			if err != nil {
				return err
			}
			out := result{
				document: map[string]any{"name": grant.Name, "ledger": grant.Ledger, "nats": grant.NATS, "http": grant.HTTP},
				rows: [][]any{
					{"ledger", grant.Ledger.Origin}, {"owner", grant.Ledger.Owner}, {"log key", grant.Ledger.Key},
					{"nats", grant.NATS}, {"http", grant.HTTP},
				},
				note: "Compare the log key with what the authority has published elsewhere: from here on it is believed.",
			}
			if moved == nil {
				return out.print(c)
			}
			out.document.(map[string]any)["moved"] = moved
			out.rows = append(out.rows, movedRows(moved)...)
			if moved.Disclosures > 0 {
				out.note += "\nWhat opens digests and was on its way is encrypted to the ledger before, and not sent: saksi disclose sends it again."
			}
			if moved.Behind.Envelopes > 0 {
				out.note += "\nReceipts that the new ledger doesn't go by prove what it doesn't know of: saksi outbox receipts writes them, for the authority to see."
			}
			if _, isOperator := h.(*home.Operator); !isOperator || moved.Waiting.Envelopes == 0 {
				return out.print(c)
			}
			// The move is made, whatever comes of it. Who waits is told what for.
			fmt.Fprintf(c.App.ErrWriter, "moved; sending %d envelopes to %s at %s, for %s at most: what is left then waits in the outbox\n",
				moved.Waiting.Envelopes, safetext.Line(grant.Ledger.Origin), safetext.Line(grant.NATS), c.Duration("timeout"))
			flushed, sending := sendMoved(c, moved)
			out.document.(map[string]any)["flushed"] = flushed
			out.rows = append(out.rows, flushRows(flushed)...)
			if err := errors.Join(out.print(c), offline(sending)); err != nil {
				return err
			}
			return rejectedError(flushed)
		},
	}
}

// join takes a grant, and moves what the home holds if it is of a successor.
func join(c *cli.Context, h party, path string) (*home.Grant, *client.Moved, error) {
	logKey := c.String("log-key")
	announce(c, h, path)
	mover, publishes := h.(operator.Mover)
	if !publishes {
		grant, err := h.Join(path, logKey)
		return grant, nil, err
	}
	_, isSeat := h.(*home.MemberAuthority)
	shown := newSteps(c.App.ErrWriter)
	defer shown.done()
	return operator.Move(c.Context, mover, path, operator.MoveOptions{
		Predecessor: c.String("predecessor"), LogKey: logKey, Unproven: c.Bool("unproven"), Drop: isSeat,
		Progress: func(done, total uint64) { shown.set("looking for receipts", int(done), int(total)) },
	})
}

// announce says from where to where a home is asked to move, before anything is.
func announce(c *cli.Context, h party, path string) {
	before, err := h.Grant()
	if err != nil {
		return
	}
	next, err := home.ReadGrant(path)
	if err != nil || next.Ledger.Key == before.Ledger.Key {
		return
	}
	fmt.Fprintf(c.App.ErrWriter, "this home is of   %s, log key %s\nthe grant is of   %s, log key %s\n",
		safetext.Line(before.Ledger.Origin), safetext.Line(before.Ledger.Key), safetext.Line(next.Ledger.Origin), safetext.Line(next.Ledger.Key))
}

func movedRows(m *client.Moved) [][]any {
	if m.Again {
		return [][]any{
			{"moved", "before"},
			{"receipts kept", fmt.Sprintf("%d for %d events, of ledgers before", m.Kept.Envelopes, m.Kept.Events)},
			{"to be sent", fmt.Sprintf("%d envelopes, %d events", m.Waiting.Envelopes, m.Waiting.Events)},
		}
	}
	rows := [][]any{
		{"receipts found", fmt.Sprintf("%d for %s, of the ledger before", m.Found.Receipts, counted(m.Found.Events, "event", "events"))},
		{"to be sent", fmt.Sprintf("%s, %s", counted(m.Waiting.Envelopes, "envelope", "envelopes"), counted(m.Waiting.Events, "event", "events"))},
	}
	if m.Found.Rejected > 0 {
		rows = append(rows, []any{"rejected there", m.Found.Rejected})
	}
	if m.Dropped.Envelopes > 0 {
		rows = append(rows, []any{"given up", fmt.Sprintf("%s, which have no receipt", counted(m.Dropped.Events, "act", "acts"))})
	}
	if m.Behind.Envelopes > 0 {
		rows = append(rows, []any{"left behind", fmt.Sprintf("%s, %s: their receipts are of leaves that the new ledger does not go by", counted(m.Behind.Envelopes, "envelope", "envelopes"), counted(m.Behind.Events, "event", "events"))})
	}
	return rows
}

// sendMoved sends what waits to the ledger that the home has moved to.
func sendMoved(c *cli.Context, moved *client.Moved) (flushed client.Result, err error) {
	err = withOperator(c, func(d *operator.Client) (err error) {
		flushed, err = flush(c, d, moved.Waiting.Events)
		return err
	})
	return flushed, err
}

// joining opens the home of an operator, of a reader, or of a member authority.
func joining(dir string) (party, error) {
	if member, err := home.OpenMemberAuthority(dir); err == nil {
		return member, nil
	}
	reader, err := home.OpenReader(dir)
	if err == nil {
		return reader, nil
	}
	operator, err := home.OpenOperator(dir)
	if errors.Is(err, home.ErrOtherRole) {
		return nil, hinted{fmt.Errorf("%s is the home of the authority that runs the ledger, and this needs one of somebody who takes part in it", dir), "say which directory with --home or SAKSI_HOME"}
	}
	return operator, err
}
