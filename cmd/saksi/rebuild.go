package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
)

type rebuildInput struct {
	atHome
	compare bool
}

func rebuildCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "rebuild", Roles: []string{nodes},
		Summary: "make the views again from leaf 0, beside the live ones",
		Text: "The node may be running: it takes the rebuilt views over when they are done. With --compare the live ones are kept, and the exit status is " +
			"3 if a view is not what the leaves give.",
		Examples: []string{"saksi rebuild --home authority --compare", "saksi rebuild --home authority"},
	}, func(in *rebuildInput, f *cmdline.Flags) {
		f.Bool(&in.compare, "compare", "only say whether the live views are what the leaves give")
		in.atHome.bind(f)
	}, runRebuild)
}

func runRebuild(ctx context.Context, s *cmdline.Session, in *rebuildInput) (*cmdline.Result, error) {
	h, err := home.OpenAuthority(in.home)
	if err != nil {
		return nil, err
	}
	trust, err := h.Trust()
	if err != nil {
		return nil, err
	}
	log, err := trust.Ledgers[0].Log()
	if err != nil {
		return nil, err
	}
	reader, err := archive.OpenDirectory(h.LedgerDir(), log)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	b := cmdline.NewBar(s.Err, "rebuilding views", 0, false)
	rebuilt, err := viewstore.Rebuild(ctx, reader, h, projections.RebuildOptions{
		Compare: true, Keep: in.compare,
		Progress: func(done, total uint64) { b.Set(int64(done), int64(total)) },
		Log:      slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	b.Done()
	if err != nil {
		return nil, err
	}
	return rebuildResult(rebuilt), rebuildError(rebuilt, in.home)
}

func rebuildResult(r *projections.Rebuilt) *cmdline.Result {
	out := &cmdline.Result{Document: r, Columns: []string{"view", "live", "rebuilt", "equal"}}
	for _, v := range r.Views {
		out.Rows = append(out.Rows, []any{v.View, shortDigest(v.Live.String()), shortDigest(v.Rebuilt.String()), cmdline.YesNo(v.Equal)})
	}
	switch {
	case len(r.Views) == 0:
		out.Note = fmt.Sprintf("There were no live views to compare with those that %d leaves give.", r.Position.Size)
	case r.Equal():
		out.Note = fmt.Sprintf("All views are what the first %d leaves give.", r.Compared)
	}
	if r.Swapped {
		out.Note += fmt.Sprintf(" The rebuilt ones are in their place, as of tree size %d.", r.Position.Size)
	}
	return out
}

// rebuildError says what is wrong with the views that were live.
func rebuildError(r *projections.Rebuilt, dir string) error {
	repair := "saksi rebuild --home " + dir + " puts right ones in their place; a copy of " + dir + "/views, made before, may tell what happened"
	switch {
	case r.Equal(), r.Swapped && len(r.Views) == 0:
		return nil
	case r.Swapped:
		return cmdline.WithStatus(cmdline.DoesNotHold, fmt.Errorf("the views that were live until now were not what the first %d leaves give; they have been replaced", r.Compared))
	case errors.Is(r.Incomparable, os.ErrNotExist):
		return hint.With(errors.New("there are no live views"), "the node makes them: start it with saksi up --home "+dir)
	case len(r.Views) == 0:
		return cmdline.WithStatus(cmdline.DoesNotHold, hint.With(fmt.Errorf("the live views can't be read: %w", r.Incomparable), repair))
	}
	return cmdline.WithStatus(cmdline.DoesNotHold, hint.With(fmt.Errorf("the live views are not what the first %d leaves give", r.Compared), repair))
}

// shortDigest leaves enough of a digest to tell two apart by eye.
func shortDigest(s string) string {
	if len(s) > 23 {
		return s[:23] + "…"
	}
	return s
}
