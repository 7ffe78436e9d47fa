package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/operator"
	"github.com/saksi-ledger/saksi/projections"
)

func attestCommand() *cli.Command {
	return &cli.Command{
		Name: "attest", Usage: "swear to what was recorded", Category: "operator",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{{
			Name: "period", Usage: "swear that what a recorder said of a period is all there was",
			Description: "Names the numbers that came since the last attestation; none says that nobody touched it. It swears to no\n" +
				"more than the outbox has receipts for: with anything pending, rejected or dropped it refuses. A record of the\n" +
				"period that comes afterwards contradicts it, and the authority sees that.",
			Flags: []cli.Flag{homeFlag(), stringFlag("recorder", "the `FACILITY/RECORDER` to swear for"),
				&cli.StringFlag{Name: "from", Usage: "the `TIME` at which the period begins; where the last one ended, if there was one"},
				&cli.StringFlag{Name: "to", Usage: "the `TIME` at which it ends; now, if not given"},
				timeoutFlag(5 * time.Minute), formatFlag(), jsonFlag()},
			Action: func(c *cli.Context) error {
				if _, err := arguments(c); err != nil {
					return err
				}
				if err := required(c, "recorder"); err != nil {
					return err
				}
				from, err := timeFlag(c, "from", time.Time{})
				if err != nil {
					return err
				}
				to, err := timeFlag(c, "to", time.Now())
				if err != nil {
					return err
				}
				return withOperator(c, func(d *operator.Client) error { return attestPeriod(c, d, from, to) })
			},
		}, controlCommand(), blindspotCommand(), correctionCommand(), responseCommand()},
	}
}

func timeFlag(c *cli.Context, name string, missing time.Time) (time.Time, error) {
	text := c.String(name)
	if text == "" {
		return missing, nil
	}
	t, err := projections.ParseTime(text)
	if err != nil {
		return t, usage("--%s %q: %v", name, text, err)
	}
	return t, nil
}

func attestPeriod(c *cli.Context, d *operator.Client, from, to time.Time) error {
	recorder, err := d.Recorder(c.String("recorder"))
	if err != nil {
		return err
	}
	prepare(c, d, recorder)
	p, added, err := d.AttestPeriod(c.Context, recorder, from, to)
	if err != nil {
		return err
	}
	flushed, err := flush(c, d, int64(added.Events))
	out := result{
		document: struct {
			Attested events.PeriodAttested `json:"attested"`
			Flushed  client.Result         `json:"flushed"`
		}{p, flushed},
		rows: append([][]any{{"recorder", p.Recorder}, {"from", at(p.From)}, {"to", at(p.To)}, {"sworn", sworn(p)}}, flushRows(flushed)...),
	}
	if err := errors.Join(out.print(c), offline(err)); err != nil {
		return err
	}
	return rejectedError(flushed)
}

func at(t events.Time) string { return t.Format(time.RFC3339) }

// sworn says in words what an attestation swears to.
func sworn(p events.PeriodAttested) string {
	if p.Count == 0 {
		return "nothing was recorded"
	}
	if p.Count == 1 {
		return fmt.Sprintf("1 event, number %d, is all there was", p.First)
	}
	return fmt.Sprintf("%s, numbers %d to %d, are all there was", counted(p.Count, "event", "events"), p.First, p.Last)
}
