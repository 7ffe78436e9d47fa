package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
)

func rebuildCommand() *cli.Command {
	return &cli.Command{
		Name:     "rebuild",
		Usage:    "make the views again from leaf 0, beside the live ones",
		Category: "authority",
		Description: "The node may be running: it takes the rebuilt views over when they are done. With --compare the live ones are\n" +
			"kept, and the exit status is 3 if a view is not what the leaves give.",
		Flags: []cli.Flag{
			homeFlag(),
			&cli.BoolFlag{Name: "compare", Usage: "only say whether the live views are what the leaves give"},
			formatFlag(), jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			h, err := home.OpenAuthority(homeOf(c))
			if err != nil {
				return err
			}
			trust, err := h.Trust()
			if err != nil {
				return err
			}
			log, err := trust.Ledgers[0].Log()
			if err != nil {
				return err
			}
			reader, err := archive.OpenDirectory(h.LedgerDir(), log)
			if err != nil {
				return err
			}
			defer reader.Close()
			b := newBar(c.App.ErrWriter, "rebuilding views", 0, false)
			rebuilt, err := viewstore.Rebuild(c.Context, reader, h, projections.RebuildOptions{
				Compare: true, Keep: c.Bool("compare"),
				Progress: func(done, total uint64) { b.set(int64(done), int64(total)) },
				Log:      slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{Level: slog.LevelWarn})),
			})
			b.done()
			if err != nil {
				return err
			}
			return rebuildResult(c, rebuilt, homeOf(c))
		},
	}
}

func rebuildResult(c *cli.Context, r *projections.Rebuilt, dir string) error {
	out := result{document: r, columns: []string{"view", "live", "rebuilt", "equal"}}
	for _, v := range r.Views {
		out.rows = append(out.rows, []any{v.View, shortDigest(v.Live.String()), shortDigest(v.Rebuilt.String()), yesNo(v.Equal)})
	}
	switch {
	case len(r.Views) == 0:
		out.note = fmt.Sprintf("There were no live views to compare with those that %d leaves give.", r.Position.Size)
	case r.Equal():
		out.note = fmt.Sprintf("All views are what the first %d leaves give.", r.Compared)
	}
	if r.Swapped {
		out.note += fmt.Sprintf(" The rebuilt ones are in their place, as of tree size %d.", r.Position.Size)
	}
	if err := out.print(c); err != nil {
		return err
	}
	repair := "saksi rebuild --home " + dir + " puts right ones in their place; a copy of " + dir + "/views, made before, may tell what happened"
	switch {
	case r.Equal():
		return nil
	case r.Swapped && len(r.Views) == 0:
		return nil
	case r.Swapped:
		return statusError{exitDoesNotHold, fmt.Errorf("the views that were live until now were not what the first %d leaves give; they have been replaced", r.Compared)}
	case errors.Is(r.Incomparable, os.ErrNotExist):
		return statusError{exitFailed, hinted{errors.New("there are no live views"), "the node makes them: start it with saksi up --home " + dir}}
	case len(r.Views) == 0:
		return statusError{exitDoesNotHold, hinted{fmt.Errorf("the live views can't be read: %w", r.Incomparable), repair}}
	}
	return statusError{exitDoesNotHold, hinted{fmt.Errorf("the live views are not what the first %d leaves give", r.Compared), repair}}
}

// shortDigest leaves enough of a digest to tell two apart by eye.
func shortDigest(s string) string {
	if len(s) > 23 {
		return s[:23] + "…"
	}
	return s
}
