package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type publishInput struct {
	waiting
	file, recorder, seal string
}

func publishEvents() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "publish", Roles: []string{operators},
		Summary: "sign and publish events from a file, and wait for receipts",
		Text: "FILE holds events as JSON, one on each line or in a list, with at least a type and data; id, time, source and the rest are filled in. All of them are " +
			"published, or none if one is not as its schema wants it. Publishing a file again publishes its events again, unless they have " +
			"ids. What waits in the outbox is sent by saksi outbox flush. For -, events are read from standard input.",
		Examples: []string{
			"saksi publish --home nimbus --recorder lab-1/badges events.jsonl",
			"saksi publish --recorder lab-1/badges --seal authority -",
		},
	}, func(in *publishInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE|-").File()
		recorderFlag(f, &in.recorder, "publish as `FACILITY/RECORDER`")
		f.String(&in.seal, "seal", "seal the events to this `AUTHORITY`, which alone learns what they say")
		in.waiting.bind(f, statementWait)
	}, runPublish)
}

func runPublish(ctx context.Context, s *cmdline.Session, in *publishInput) (*cmdline.Result, error) {
	file, name, err := s.Open(in.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		recorder, err := d.Recorder(in.recorder)
		if err != nil {
			return nil, err
		}
		prepare(ctx, s, d, recorder, in.timeout)
		if in.seal != "" {
			if err := d.SealTo(ctx, recorder.Facility, in.seal); err != nil {
				return nil, err
			}
		}
		added, err := d.Publish(ctx, recorder, file, name)
		if err != nil {
			return nil, badEvents(s, err)
		}
		flushed, err := flush(ctx, s, d, flushing{timeout: in.timeout, pending: int64(added.Events)})
		out := cmdline.Pairs(struct {
			Added   client.Added  `json:"added"`
			Flushed client.Result `json:"flushed"`
		}{added, flushed}, "events", added.Events, "known already", added.Known, "envelopes", added.Envelopes)
		out.Rows = append(out.Rows, flushRows(flushed)...)
		if err := offline(err); err != nil {
			return out, err
		}
		if len(added.Changed) > 0 {
			return out, hint.With(fmt.Errorf("%d were not published: their ids were, with something else: %s", len(added.Changed),
				safetext.Line(strings.Join(added.Changed[:min(8, len(added.Changed))], ", "))),
				"give what is new another id; if what was published is wrong, correct it: saksi attest correction")
		}
		return out, rejectedError(flushed)
	})
}

// badEvents names each event that can't be taken, a line for each.
func badEvents(s *cmdline.Session, err error) error {
	var bad *operator.BadEventsError
	if errors.As(err, &bad) {
		for _, line := range bad.Lines() {
			fmt.Fprintf(s.Err, "saksi: %s\n", safetext.Line(line))
		}
		if rest := bad.Bad - len(bad.Problems); rest > 0 {
			fmt.Fprintf(s.Err, "saksi: %s: %d more\n", safetext.Line(bad.Name), rest)
		}
	}
	return err
}
