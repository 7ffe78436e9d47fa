package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/connect/systems"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type eventCommitInput struct {
	waiting
	system, recorder, mapping string
	paths                     []string
}

func eventCommit() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "event commit", Old: []string{"commit"}, Roles: []string{operators},
		Summary: "commit to native logs without showing them, to be opened on order",
		Text: "SYSTEM is one of saksi import, with logs or directories as there, or events, with files as for saksi publish. The records are kept in " +
			"the home, each salted. Published are their number, their classes and the root of the tree over them. Committing to the same again " +
			"publishes nothing twice. saksi order list shows what authorities have ordered, saksi order answer answers.",
		Examples: []string{
			"saksi event commit --home nimbus --recorder lab-1/cloudtrail cloudtrail logs/",
			"saksi event commit --recorder lab-1/badges events badges.jsonl",
		},
	}, func(in *eventCommitInput, f *cmdline.Flags) {
		f.Argument(&in.system, "SYSTEM").Complete(cmdline.OneOf(append(systems.Names(), "events")...))
		f.Rest(&in.paths, "PATH", 1).File()
		recorderFlag(f, &in.recorder, "publish as `FACILITY/RECORDER`")
		mappingFlag(f, &in.mapping)
		f.Zone()
		in.waiting.bind(f, time.Hour)
	}, runEventCommit)
}

func runEventCommit(ctx context.Context, s *cmdline.Session, in *eventCommitInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		recorder, err := d.Recorder(in.recorder)
		if err != nil {
			return nil, err
		}
		prepare(ctx, s, d, recorder, in.timeout)
		mapping, err := mappingFile(in.mapping)
		if err != nil {
			return nil, err
		}
		done, err := d.Commit(ctx, operator.Commit{System: in.system, Recorder: recorder, Mapping: mapping, Paths: in.paths})
		if err != nil {
			return nil, err
		}
		flushed, err := flush(ctx, s, d, flushing{timeout: in.timeout, pending: 1})
		var classes []string
		for _, total := range done.Totals {
			classes = append(classes, fmt.Sprintf("%s %d", total.Class, total.Count))
		}
		out := cmdline.Pairs(struct {
			*operator.Committed
			Flushed any `json:"flushed"`
		}{done, flushed},
			"batch", done.Batch.Batch, "records", done.Count, "classes", strings.Join(classes, ", "),
			"from", s.Stamp(done.Window.From.Time), "until", s.Stamp(done.Window.To.Time), "root", done.Root)
		out.Rows = append(out.Rows, flushRows(flushed)...)
		if !done.New {
			out.Note = "These records were committed to before: nothing was published."
		}
		damaged := tellDamage(s, done.Damage, done.Places, "committed to")
		if err := offline(err); err != nil {
			return out, err
		}
		if damaged != nil {
			return out, damaged
		}
		return out, rejectedError(flushed)
	})
}
