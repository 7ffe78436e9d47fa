package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/systems"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "native logs into signed events, published, with receipts",
		Category:  "operator",
		ArgsUsage: "SYSTEM PATH…",
		Description: "SYSTEM is " + orList(systems.Names()) + ". Each PATH is a log, plain or compressed by gzip or zstd, or a directory that is walked.\n" +
			"A system whose logs differ from site to site, such as badge, needs --mapping: docs/connectors.md says what goes in.\n" +
			"Importing the same again publishes nothing twice. Personal data becomes salted digests;\n" +
			"what opens them stays in the outbox. The exit status is 1 if something could not be read.",
		Flags: []cli.Flag{homeFlag(),
			stringFlag("recorder", "the `FACILITY/RECORDER` to publish as"),
			stringFlag("mapping", "the `FILE` that says what the log's columns mean, for systems that need one"),
			stringFlag("party", "`WHOSE` account this is: operator, parent, landlord, vendor, customer or authority"),
			&cli.BoolFlag{Name: "dry-run", Usage: "print the events, as JSON Lines, and publish nothing", EnvVars: env("dry-run")},
			discloseFlag(), timeoutFlag(time.Hour), formatFlag(), jsonFlag()},
		Action: runImport,
	}
}

func runImport(c *cli.Context) error {
	if err := flagsBefore(c, " SYSTEM PATH…"); err != nil {
		return err
	}
	if c.NArg() < 2 {
		return usage("saksi import takes SYSTEM PATH…")
	}
	if err := required(c, "recorder", "party"); err != nil {
		return err
	}
	return withOperator(c, func(d *operator.Client) error {
		recorder, err := d.Recorder(c.String("recorder"))
		if err != nil {
			return err
		}
		what := operator.Import{System: c.Args().First(), Recorder: recorder, Party: events.Party(c.String("party")), Paths: c.Args().Tail()}
		if what.Mapping, err = mappingFile(c); err != nil {
			return err
		}
		if c.Bool("dry-run") {
			what.Draft = func(draft *events.Draft) error {
				line, err := draft.Event.Marshal()
				if err == nil {
					_, err = fmt.Fprintf(c.App.Writer, "%s\n", line)
				}
				return err
			}
			done, err := d.Import(c.Context, what)
			return finishImport(c, done, err)
		}
		began := time.Now()
		prepare(c, d, recorder)
		if err := d.DiscloseTo(c.Context, recorder.Facility, c.StringSlice("disclose")...); err != nil {
			return err
		}
		reading := newBar(c.App.ErrWriter, "reading and signing", 0, true)
		what.Progress = func(p connect.Progress) { reading.set(p.Bytes, p.TotalBytes) }
		done, err := d.Import(c.Context, what)
		reading.done()
		if err != nil {
			return finishImport(c, done, err)
		}
		flushed, err := flush(c, d, int64(done.New))
		sent, discloseErr := 0, error(nil)
		if err == nil {
			sent, discloseErr = sendDisclosures(c, d)
		}
		seconds := time.Since(began).Seconds()
		out := importResult(done, flushed, seconds)
		if sent > 0 {
			out.rows = append(out.rows, []any{"disclosures sent", fmt.Sprintf("of %s", counted(sent, "event", "events"))})
		}
		if printErr := out.print(c); printErr != nil {
			return printErr
		}
		if err := finishImport(c, done, errors.Join(err, discloseErr)); err != nil {
			return err
		}
		return rejectedError(flushed)
	})
}

// maxMapping bounds a mapping file, in bytes.
const maxMapping = 4 << 20

// mappingFile returns the content of --mapping, and nil if it is not given.
func mappingFile(c *cli.Context) ([]byte, error) {
	name := c.String("mapping")
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the mapping file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMapping+1))
	if err == nil && len(text) > maxMapping {
		err = fmt.Errorf("it is larger than %d bytes", maxMapping)
	}
	if err != nil {
		return nil, fmt.Errorf("read the mapping file %s: %w", name, err)
	}
	return text, nil
}

// orList joins names as a sentence does.
func orList(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// prepare compares the outbox with the ledger before it is added to, if the
// ledger can be reached soon; an outbox works without.
func prepare(c *cli.Context, d *operator.Client, recorder events.Recorder) {
	ctx, cancel := context.WithTimeout(c.Context, min(5*time.Second, c.Duration("timeout")))
	defer cancel()
	if err := d.Prepare(ctx, recorder); err != nil && ctx.Err() != nil {
		fmt.Fprintln(c.App.ErrWriter, "saksi: the ledger can't be reached now: what gets signed will wait in the outbox")
	}
}

// flush brings the outbox to the ledger, with progress on a terminal. Only this
// waits for --timeout: what was added to the outbox before is safe in it.
func flush(c *cli.Context, d *operator.Client, pending int64) (client.Result, error) {
	ctx, cancel := withTimeout(c)
	defer cancel()
	b := newBar(c.App.ErrWriter, "events with receipts", pending, false)
	defer b.done()
	var offline error
	var since time.Time
	said := ""
	result, err := d.Flush(ctx, client.FlushOptions{
		Resend: c.Bool("resend"),
		Progress: func(p client.Progress) {
			b.set(int64(p.Events), max(pending, int64(p.Events)))
			if offline = p.Offline; offline == nil {
				since = time.Time{}
				return
			}
			if since.IsZero() {
				since = time.Now()
			}
			// What passes by itself is not worth a line.
			if text := offline.Error(); text != said && time.Since(since) > sayOffline {
				fmt.Fprintf(c.App.ErrWriter, "saksi: nothing moves now, and it is tried again: %s\n", safetext.Line(text))
				said = text
			}
		},
	})
	if errors.Is(err, context.DeadlineExceeded) && offline != nil && !strings.Contains(err.Error(), offline.Error()) {
		err = fmt.Errorf("%w: %w", err, offline)
	}
	return result, err
}

// sayOffline is how long nothing moves before that is said.
const sayOffline = 2 * time.Second

// importDocument is the JSON that import prints.
type importDocument struct {
	operator.Imported
	Flushed client.Result `json:"flushed"`
	Seconds float64       `json:"seconds"`
	Rate    float64       `json:"eventsPerSecond"`
}

func importResult(done operator.Imported, flushed client.Result, seconds float64) result {
	rate := float64(flushed.Events) / max(seconds, 1e-9)
	rows := [][]any{
		{"files", done.Files}, {"events", done.Events}, {"new", done.New}, {"known already", done.Known}, {"envelopes", done.Envelopes},
	}
	note := ""
	if done.Events == 0 {
		note = "Nothing was published: no event could be made of the logs."
	} else if done.New == 0 && flushed.Envelopes == 0 && flushed.Rejected == 0 {
		note = "Nothing was published: there was no event that the outbox didn't know already."
	} else {
		rows = append(rows, flushRows(flushed)...)
		rows = append(rows, []any{"seconds", fmt.Sprintf("%.2f", seconds)}, []any{"events/s", fmt.Sprintf("%.0f", rate)})
	}
	if len(done.Skipped) > 0 {
		rows = append(rows, []any{"not logs", len(done.Skipped)})
	}
	if done.Silent > 0 {
		rows = append(rows, []any{"about no access", done.Silent})
	}
	if done.Others > 0 {
		rows = append(rows, []any{"other systems' records", done.Others})
	}
	if done.Damaged > 0 {
		rows = append(rows, []any{"damaged records", done.Damaged})
	}
	return result{document: importDocument{done, flushed, seconds, rate}, rows: rows, note: note}
}

// flushRows tell of a flush.
func flushRows(f client.Result) [][]any {
	rows := [][]any{{"receipts verified", fmt.Sprintf("%s, %s", counted(f.Envelopes, "envelope", "envelopes"), counted(f.Events, "event", "events"))}}
	if f.Envelopes > 0 {
		rows = append(rows, []any{"leaves", fmt.Sprintf("%d to %d", f.FirstLeaf, f.LastLeaf)})
	}
	if f.Rejected > 0 {
		rows = append(rows, []any{"rejected", f.Rejected})
	}
	if f.Lost > 0 {
		rows = append(rows, []any{"lost and sent again", f.Lost})
	}
	return rows
}

func finishImport(c *cli.Context, done operator.Imported, err error) error {
	damaged := tellDamage(c, done.Damage, done.Places, "imported")
	if err != nil {
		return offline(err)
	}
	for _, id := range done.Changed {
		fmt.Fprintf(c.App.ErrWriter, "saksi: changed: event %s was published before, and the log says something else of it now\n", safetext.Word(id))
	}
	if len(done.Changed) > 0 {
		return hinted{errors.New("the log contradicts what was published from it; nothing of that was published again"),
			"find out who changed the log; if what was published is wrong, correct it with an attestation.correction event"}
	}
	return damaged
}

// tellDamage names what could not be read, a line for each place, and returns the error
// that ends the command then.
func tellDamage(c *cli.Context, damage []string, places int, done string) error {
	if places == 0 {
		return nil
	}
	for _, place := range damage {
		fmt.Fprintf(c.App.ErrWriter, "saksi: damaged: %s\n", safetext.Line(place))
	}
	if more := places - len(damage); more > 0 {
		fmt.Fprintf(c.App.ErrWriter, "saksi: damaged: %d more places\n", more)
	}
	return fmt.Errorf("%d place%s could not be read; the rest was %s", places, strings.Repeat("s", min(1, places-1)), done)
}

// offline says where events are that did not get their receipts in time.
func offline(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return hinted{err, "what was signed is safe in the outbox; saksi outbox flush sends it when the ledger can be reached"}
	}
	return err
}
