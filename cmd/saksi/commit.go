package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/operator"
)

func commitCommand() *cli.Command {
	return &cli.Command{
		Name: "commit", Usage: "bind native logs without showing them, to be opened on order", Category: "operator",
		ArgsUsage: "SYSTEM PATH…",
		Description: "SYSTEM is one of saksi import, with logs or directories as there, or events, with files as for saksi publish. The records are\n" +
			"kept in the home, each salted; published are their number, their classes and the root of the tree over them. Committing to\n" +
			"the same again publishes nothing twice. saksi orders shows what authorities have ordered, saksi produce answers.",
		Flags: []cli.Flag{homeFlag(), stringFlag("recorder", "the `FACILITY/RECORDER` to publish as"),
			stringFlag("mapping", "the `FILE` that says what the log's columns mean, for systems that need one"), timeoutFlag(time.Hour), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := flagsBefore(c, " SYSTEM PATH…"); err != nil {
				return err
			}
			if c.NArg() < 2 {
				return usage("saksi commit takes SYSTEM PATH…")
			}
			if err := required(c, "recorder"); err != nil {
				return err
			}
			return withOperator(c, func(d *operator.Client) error { return commitTo(c, d) })
		},
	}
}

func commitTo(c *cli.Context, d *operator.Client) error {
	recorder, err := d.Recorder(c.String("recorder"))
	if err != nil {
		return err
	}
	prepare(c, d, recorder)
	mapping, err := mappingFile(c)
	if err != nil {
		return err
	}
	done, err := d.Commit(c.Context, operator.Commit{System: c.Args().First(), Recorder: recorder, Mapping: mapping, Paths: c.Args().Tail()})
	if err != nil {
		return err
	}
	flushed, err := flush(c, d, 1)
	var classes []string
	for _, total := range done.Totals {
		classes = append(classes, fmt.Sprintf("%s %d", total.Class, total.Count))
	}
	out := result{
		document: struct {
			*operator.Committed
			Flushed any `json:"flushed"`
		}{done, flushed},
		rows: append([][]any{
			{"batch", done.Batch.Batch}, {"records", done.Count}, {"classes", strings.Join(classes, ", ")},
			{"from", done.Window.From.UTC().Format(time.RFC3339)}, {"until", done.Window.To.UTC().Format(time.RFC3339)}, {"root", done.Root},
		}, flushRows(flushed)...),
	}
	if !done.New {
		out.note = "These records were committed to before: nothing was published.\n"
	}
	if err := errors.Join(out.print(c), offline(err)); err != nil {
		return err
	}
	if err := tellDamage(c, done.Damage, done.Places, "committed to"); err != nil {
		return err
	}
	return rejectedError(flushed)
}
