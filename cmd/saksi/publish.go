package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func publishCommand() *cli.Command {
	return &cli.Command{
		Name:      "publish",
		Usage:     "sign and publish hand-made events, and wait for receipts",
		Category:  "operator",
		ArgsUsage: "FILE|-",
		Description: "FILE holds events as JSON, one on each line or in a list, with at least a type and data; id, time, source\n" +
			"and the rest are filled in. All of them are published, or none if one is not as its schema wants it. Publishing a file again\n" +
			"publishes its events again, unless they have ids: what waits in the outbox is sent by saksi outbox flush.",
		Flags: []cli.Flag{homeFlag(), stringFlag("recorder", "the `FACILITY/RECORDER` to publish as"),
			&cli.StringFlag{Name: "seal", Usage: "seal the events to this `AUTHORITY`, which alone learns what they say"}, timeoutFlag(5 * time.Minute), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "FILE|-")
			if err != nil {
				return err
			}
			if err := required(c, "recorder"); err != nil {
				return err
			}
			in, name, err := openInput(c, args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			return withOperator(c, func(d *operator.Client) error { return publishFrom(c, d, in, name) })
		},
	}
}

func publishFrom(c *cli.Context, d *operator.Client, in io.Reader, name string) error {
	recorder, err := d.Recorder(c.String("recorder"))
	if err != nil {
		return err
	}
	prepare(c, d, recorder)
	if to := c.String("seal"); to != "" {
		if err := d.SealTo(c.Context, recorder.Facility, to); err != nil {
			return err
		}
	}
	added, err := d.Publish(c.Context, recorder, in, name)
	if err != nil {
		return badEvents(c, err)
	}
	flushed, err := flush(c, d, int64(added.Events))
	rows := [][]any{{"events", added.Events}, {"known already", added.Known}, {"envelopes", added.Envelopes}}
	out := result{
		document: struct {
			Added   client.Added  `json:"added"`
			Flushed client.Result `json:"flushed"`
		}{added, flushed},
		rows: append(rows, flushRows(flushed)...),
	}
	if err := errors.Join(out.print(c), offline(err)); err != nil {
		return err
	}
	if len(added.Changed) > 0 {
		return hinted{fmt.Errorf("%d were not published: their ids were, with something else: %s", len(added.Changed), safetext.Line(strings.Join(added.Changed[:min(8, len(added.Changed))], ", "))),
			"give what is new another id; if what was published is wrong, correct it: saksi attest correction"}
	}
	return rejectedError(flushed)
}

// badEvents names each event that can't be taken, a line for each.
func badEvents(c *cli.Context, err error) error {
	var bad *operator.BadEventsError
	if errors.As(err, &bad) {
		for _, line := range bad.Lines() {
			fmt.Fprintf(c.App.ErrWriter, "saksi: %s\n", safetext.Line(line))
		}
		if rest := bad.Bad - len(bad.Problems); rest > 0 {
			fmt.Fprintf(c.App.ErrWriter, "saksi: %s: %d more\n", safetext.Line(bad.Name), rest)
		}
	}
	return err
}

// rejectedError makes a rejection a failure of the command.
func rejectedError(flushed client.Result) error {
	if flushed.Rejected == 0 {
		return nil
	}
	return hinted{errors.New("the ledger has rejected what was sent, on the record"),
		"saksi outbox status says why; saksi outbox flush --resend sends it again when the reason is gone, saksi outbox forget drops it"}
}
