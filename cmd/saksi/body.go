package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

// eraseWait is how long an erasure may take, views made again included.
const eraseWait = 10 * time.Minute

func bodyCommand() *cli.Command {
	return &cli.Command{
		Name: "body", Usage: "erase what was said; its proofs stay", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{{
			Name: "erase", Usage: "erase an event, or a whole message", ArgsUsage: "LEAF/EVENT | LEAF",
			Description: "The order is put on record, within the authority's mandate. The node then overwrites the bytes in the ledger and in the\n" +
				"broker's stream, makes the views again without them, and all files below the home are searched for them. Digests, signature\n" +
				"and verdict stay, and so do all proofs; audits count what can't be recomputed. A legal hold keeps all of it until released.",
			Flags: []cli.Flag{homeFlag(), stringFlag("ground", "on what `GROUND`, as a code"), stringFlag("order", "the `NUMBER` of the order"),
				&cli.BoolFlag{Name: "dry-run", Usage: "only show what would be erased"}, timeoutFlag(eraseWait), formatFlag(), jsonFlag()},
			Action: eraseBody,
		}},
	}
}

// erased is what came of an erasure.
type erased struct {
	Targets []authority.Target `json:"targets"`
	Leaves  []uint64           `json:"leaves,omitempty"` // that order it
	Hold    string             `json:"hold,omitempty"`   // for which it waits
	Search  *authority.Found   `json:"search,omitempty"`
}

func eraseBody(c *cli.Context) error {
	args, err := arguments(c, "LEAF/EVENT")
	if err != nil {
		return err
	}
	if err := required(c, "home"); err != nil {
		return err
	}
	if !c.Bool("dry-run") {
		if err := required(c, "ground"); err != nil {
			return err
		}
	}
	leaf, place, err := parseTarget(args[0])
	if err != nil {
		return err
	}
	h, err := home.OpenAuthority(homeOf(c))
	if err != nil {
		return hinted{err, "erasing is done from the home of the authority that runs the ledger: it has the bodies"}
	}
	out := erased{}
	if out.Targets, err = authority.Targets(c.Context, h, leaf, place); err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return erasedResult(out).print(c)
	}
	err = registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		var err error
		if out.Leaves, err = r.Erase(ctx, out.Targets, c.String("ground"), c.String("order")); err != nil {
			return err
		}
		found, hold, err := authority.AwaitErased(ctx, h, out.Targets)
		if err != nil {
			return err
		}
		out.Search, out.Hold = found, hold
		return nil
	})
	if err != nil {
		return err
	}
	if err := erasedResult(out).print(c); err != nil {
		return err
	}
	if out.Search != nil && len(out.Search.Hits) > 0 {
		return hinted{errors.New("some of it is still there: " + strings.Join(out.Search.Hits, ", ")),
			"another event may say the same in the same bytes; saksi body erase takes one at a time"}
	}
	return nil
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
		return 0, nil, hinted{usage("%q is no event: want LEAF/EVENT, as 12/3, or LEAF for a whole message", text), "saksi view --columns ref touches shows them"}
	}
	return leaf, place, nil
}

func erasedResult(e erased) result {
	out := result{document: e, columns: []string{"what", "recorder", "verdict", "bytes", "types"}}
	for _, t := range e.Targets {
		out.rows = append(out.rows, []any{t.String(), t.Recorder, string(t.Verdict), t.Bytes, strings.Join(t.Types, ", ")})
	}
	switch {
	case len(e.Leaves) == 0:
		out.note = "Nothing was erased.\n"
	case e.Hold != "":
		out.note = fmt.Sprintf("Ordered by leaf %d. Hold %s keeps it: it is erased when that is released.\n", e.Leaves[0], e.Hold)
	case e.Search != nil:
		out.note = fmt.Sprintf("Ordered by leaf %d, and erased. %d files of %d bytes were searched for it: %s.\n", e.Leaves[0], e.Search.Files, e.Search.Bytes,
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
