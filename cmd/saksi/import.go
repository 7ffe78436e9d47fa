package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/systems"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/operator"
)

type importInput struct {
	waiting
	system, recorder, party string
	paths, disclose         []string
	mapping                 string
	dryRun                  bool
}

func importLogs() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "import", Roles: []string{operators},
		Summary: "turn native logs into signed events, publish them, and wait for receipts",
		Text: "SYSTEM is " + cmdline.OrList(systems.Names()) + ". Each PATH is a log, plain or compressed by gzip or zstd, or a directory, whose logs are all read. A " +
			"system whose logs differ from site to site, such as badge, needs --mapping: docs/connectors.md says what goes in. Importing the same again publishes " +
			"nothing twice. Personal data becomes salted digests; what opens them stays in the outbox. The exit status is 1 if something " +
			"could not be read.",
		Examples: []string{
			"saksi import --home nimbus --recorder lab-1/cloudtrail --party operator cloudtrail logs/",
			"saksi import --recorder lab-1/cloudtrail --party parent --dry-run cloudtrail today.json.gz",
			"saksi import --recorder lab-1/cloudtrail --party operator --disclose authority cloudtrail logs/",
		},
	}, func(in *importInput, f *cmdline.Flags) {
		f.Argument(&in.system, "SYSTEM").Complete(cmdline.OneOf(systems.Names()...))
		f.Rest(&in.paths, "PATH", 1).File()
		recorderFlag(f, &in.recorder, "publish as `FACILITY/RECORDER`")
		f.String(&in.party, "party", "whose account the logs are of, the `PARTY`: operator, parent, landlord, vendor, customer or authority").Required().
			Complete(cmdline.OneOf("operator", "parent", "landlord", "vendor", "customer", "authority"))
		mappingFlag(f, &in.mapping)
		f.Bool(&in.dryRun, "dry-run", "print the events, as JSON Lines, and publish nothing")
		f.Strings(&in.disclose, "disclose", "encrypt what opens the digests to this `AUTHORITY`, and send it once the events are in the ledger (default: it stays in the outbox)")
		in.waiting.bind(f, time.Hour)
	}, runImport)
}

func runImport(ctx context.Context, s *cmdline.Session, in *importInput) (*cmdline.Result, error) {
	return withOperator(ctx, in.home, func(d *operator.Client) (*cmdline.Result, error) {
		recorder, err := d.Recorder(in.recorder)
		if err != nil {
			return nil, err
		}
		what := operator.Import{System: in.system, Recorder: recorder, Party: events.Party(in.party), Paths: in.paths}
		if what.Mapping, err = mappingFile(in.mapping); err != nil {
			return nil, err
		}
		if in.dryRun {
			what.Draft = func(draft *events.Draft) error {
				line, err := draft.Event.Marshal()
				if err == nil {
					_, err = fmt.Fprintf(s.Out, "%s\n", line)
				}
				return err
			}
			done, err := d.Import(ctx, what)
			return nil, importProblems(s, done, err)
		}
		began := time.Now()
		prepare(ctx, s, d, recorder, in.timeout)
		if err := d.DiscloseTo(ctx, recorder.Facility, in.disclose...); err != nil {
			return nil, err
		}
		reading := cmdline.NewBar(s.Err, "reading and signing", 0, true)
		what.Progress = func(p connect.Progress) { reading.Set(p.Bytes, p.TotalBytes) }
		done, err := d.Import(ctx, what)
		reading.Done()
		if err != nil {
			return nil, importProblems(s, done, err)
		}
		flushed, err := flush(ctx, s, d, flushing{timeout: in.timeout, pending: int64(done.New)})
		sent, discloseErr := 0, error(nil)
		if err == nil {
			sent, discloseErr = sendDisclosures(ctx, d, in.timeout)
		}
		out := importResult(done, flushed, time.Since(began).Seconds())
		if sent > 0 {
			out.Rows = append(out.Rows, cmdline.Pair("disclosures sent", fmt.Sprintf("of %s", cmdline.Counted(sent, "event", "events"))))
		}
		if err := importProblems(s, done, errors.Join(err, discloseErr)); err != nil {
			return out, err
		}
		return out, rejectedError(flushed)
	})
}

// importDocument is the JSON that import prints.
type importDocument struct {
	operator.Imported
	Flushed client.Result `json:"flushed"`
	Seconds float64       `json:"seconds"`
	Rate    float64       `json:"eventsPerSecond"`
}

func importResult(done operator.Imported, flushed client.Result, seconds float64) *cmdline.Result {
	rate := float64(flushed.Events) / max(seconds, 1e-9)
	out := cmdline.Pairs(importDocument{done, flushed, seconds, rate},
		"files", done.Files, "events", done.Events, "new", done.New, "known already", done.Known, "envelopes", done.Envelopes)
	if done.Events == 0 {
		out.Note = "Nothing was published: no event could be made of the logs."
	} else if done.New == 0 && flushed.Envelopes == 0 && flushed.Rejected == 0 {
		out.Note = "Nothing was published: there was no event that the outbox didn't know already."
	} else {
		out.Rows = append(out.Rows, flushRows(flushed)...)
		out.Rows = append(out.Rows, cmdline.Pair("seconds", fmt.Sprintf("%.2f", seconds)), cmdline.Pair("events/s", fmt.Sprintf("%.0f", rate)))
	}
	if len(done.Skipped) > 0 {
		out.Rows = append(out.Rows, cmdline.Pair("not logs", len(done.Skipped)))
	}
	if done.Silent > 0 {
		out.Rows = append(out.Rows, cmdline.Pair("about no access", done.Silent))
	}
	if done.Others > 0 {
		out.Rows = append(out.Rows, cmdline.Pair("other systems' records", done.Others))
	}
	if done.Damaged > 0 {
		out.Rows = append(out.Rows, cmdline.Pair("damaged records", done.Damaged))
	}
	return out
}

// importProblems tells what could not be read, or has changed since it was published.
func importProblems(s *cmdline.Session, done operator.Imported, err error) error {
	damaged := tellDamage(s, done.Damage, done.Places, "imported")
	if err != nil {
		return offline(err)
	}
	for _, id := range done.Changed {
		fmt.Fprintf(s.Err, "saksi: changed: event %s was published before, and the log says something else of it now\n", safetext.Word(id))
	}
	if len(done.Changed) > 0 {
		return hint.With(errors.New("the log contradicts what was published from it; nothing of that was published again"),
			"find out who changed the log; if what was published is wrong, correct it: saksi attest correction")
	}
	return damaged
}

// tellDamage names what could not be read, a line for each place, and returns the error
// that ends the command then.
func tellDamage(s *cmdline.Session, damage []string, places int, done string) error {
	if places == 0 {
		return nil
	}
	for _, place := range damage {
		fmt.Fprintf(s.Err, "saksi: damaged: %s\n", safetext.Line(place))
	}
	if more := places - len(damage); more > 0 {
		fmt.Fprintf(s.Err, "saksi: damaged: %d more places\n", more)
	}
	return fmt.Errorf("%s could not be read; the rest was %s", cmdline.Counted(places, "place", "places"), done)
}

// maxMapping bounds a mapping file, in bytes.
const maxMapping = 4 << 20

func mappingFlag(f *cmdline.Flags, to *string) {
	f.String(to, "mapping", "the `FILE` that says what the log's columns mean, for systems that need one").File()
}

// mappingFile returns the content of a mapping file; nil if path is empty.
func mappingFile(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the mapping file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMapping+1))
	if err == nil && len(text) > maxMapping {
		err = fmt.Errorf("it is larger than %d bytes", maxMapping)
	}
	if err != nil {
		return nil, fmt.Errorf("read the mapping file %s: %w", path, err)
	}
	return text, nil
}
