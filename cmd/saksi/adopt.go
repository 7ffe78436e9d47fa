package main

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

// adoptWait is how long the taking over of a registry may take, all leaves read included.
const adoptWait = time.Hour

var keyIDForm = regexp.MustCompile(`^[0-9a-f]{1,64}$`)

func adoptRegistry(c *cli.Context) error {
	args, err := arguments(c, "PREDECESSOR")
	if err != nil {
		return err
	}
	if err := required(c, "home", "output", "reason"); err != nil {
		return err
	}
	if isURL(args[0]) {
		return hinted{usage("PREDECESSOR is a directory: what is public of a ledger doesn't have its registry"),
			"a copy with the bodies that a mandate shows is made by saksi audit --home READER --dir DIRECTORY " + args[0]}
	}
	a := authority.Adoption{Dir: args[0], Reason: c.String("reason"), Grants: c.String("output")}
	for _, id := range c.StringSlice("without-key") {
		if !keyIDForm.MatchString(id) {
			return usage("--without-key %s: want a key's id, or its beginning, as saksi key list has it", safetext.Line(id))
		}
		a.Without = append(a.Without, events.KeyID(id))
	}
	if file := c.String("recovery"); file != "" {
		if a.By, err = home.ReadKey(file); err != nil {
			return err
		}
	}
	shown := newSteps(c.App.ErrWriter)
	defer shown.done()
	a.Progress = func(what string, done, total uint64) { shown.set(what, int(done), int(total)) }
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		done, err := r.Adopt(ctx, a)
		if err != nil {
			return err
		}
		out := result{document: done, rows: [][]any{
			{"taken over from", fmt.Sprintf("%s, as it stood with %s", done.Origin, counted(done.Size, "leaf", "leaves"))},
			{"acts", fmt.Sprintf("%d taken over, and the one that says so: leaves %d to %d", done.Acts, done.FirstLeaf, done.LastLeaf)},
			{"grants", fmt.Sprintf("%d in %s", len(done.Grants), a.Grants)},
		}}
		for _, left := range done.Left {
			out.rows = append(out.rows, []any{"not taken over", safetext.Line(left)})
		}
		out.note = "Give each party its grant: it moves with saksi join, in the home that it has. Nothing in a grant is secret.\n" +
			"Tell witnesses of the new log key, and auditors of a trust file that names both trees: saksi trust --with."
		return out.print(c)
	})
}
