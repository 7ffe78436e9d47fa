package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/evidence"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/verify"
	"github.com/saksi-ledger/saksi/ops/home"
)

const (
	// evidenceWait is longer than the time from one anchor to the next.
	evidenceWait = 3 * time.Minute
	// tokenLife bounds what a token that was overheard is good for.
	tokenLife = 10 * time.Minute
)

func evidenceCommand() *cli.Command {
	return &cli.Command{
		Name:      "evidence",
		Usage:     "put what proves chosen events into one file",
		Category:  "auditor",
		ArgsUsage: "[LEAF/EVENT…]",
		Description: "12/3 is event 3 of leaf 12, as views name it; 12 is all events of leaf 12. --where chooses the events of a view's\n" +
			"rows instead, as saksi view has them. HOME is an authority's, or that of a reader whose mandate covers bodies. The\n" +
			"file shows the chosen events, 100,000 at most, without their neighbours, and what was registered by then of whoever\n" +
			"said them. What was erased is named, and not shown. saksi verify reads it, saksi report makes a report of it, and\n" +
			"saksi redact takes events out.",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`", TakesFile: true}, forceFlag(),
			&cli.StringSliceFlag{Name: "where", Usage: "the events of rows that satisfy `CONDITION`; may be repeated"},
			&cli.StringFlag{Name: "view", Usage: "the `VIEW` whose rows --where chooses", Value: "touches", EnvVars: env("evidence-view")},
			&cli.Uint64Flag{Name: "as-of", Usage: "as the view was when the tree had `SIZE` leaves"},
			&cli.BoolFlag{Name: "wait-anchor", Usage: "wait until entries of as many Rekors as the ledger's policy wants cover the leaves", EnvVars: env("wait-anchor")},
			&cli.StringFlag{Name: "anchor-policy", Usage: "wait for `HOW-MANY` Rekors instead: all, any, or a number"},
			&cli.StringFlag{Name: "trust", Usage: "of the Rekors of this trust `FILE`, and by it: as whoever reads the evidence will count", TakesFile: true},
			&cli.BoolFlag{Name: "wait-cosigned", Usage: "wait until a checkpoint that a quorum of the ledger's witnesses has cosigned covers the leaves", EnvVars: env("wait-cosigned")},
			&cli.BoolFlag{Name: "wait-timestamp", Usage: "wait until a timestamp covers the leaves", EnvVars: env("wait-timestamp")},
			timeoutFlag(evidenceWait), formatFlag(), jsonFlag()},
		Action: makeEvidence,
	}
}

func makeEvidence(c *cli.Context) error {
	const want = " one LEAF/EVENT or more, or --where"
	if err := flagsBefore(c, want); err != nil {
		return err
	}
	if err := required(c, "home", "output"); err != nil {
		return err
	}
	if (c.NArg() == 0) == !c.IsSet("where") {
		return usage("%s takes%s", c.Command.HelpName, want)
	}
	file, err := output(c, "output", c.String("output"), c.String("trust"))
	if err != nil {
		return err
	}
	var requests []evidence.Request
	for _, text := range c.Args().Slice() {
		r, err := evidence.ParseRequest(text)
		if err != nil {
			return statusError{exitUsage, err}
		}
		requests = append(requests, r)
	}
	if c.IsSet("where") {
		if requests, err = selectEvents(c); err != nil {
			return err
		}
	}
	options, err := evidenceOptions(c)
	if err != nil {
		return err
	}
	source, closer, err := openEvidenceSource(homeOf(c))
	if err != nil {
		return err
	}
	defer closer.Close()
	ctx, cancel := withTimeout(c)
	defer cancel()
	shown := newSteps(c.App.ErrWriter)
	defer shown.done()
	options.Progress = shown.set
	bundle, err := evidence.Make(ctx, source, requests, options)
	var missing *evidence.NotAnchored
	switch {
	case errors.As(err, &missing):
		return hinted{err, "saksi doctor says how far anchors lag, and why; --anchor-policy any is content with one Rekor, without --wait-anchor the evidence says what it lacks, or give --timeout more"}
	case errors.Is(err, context.DeadlineExceeded) && c.Bool("wait-timestamp"):
		return hinted{err, "saksi doctor says how far timestamps are; without --wait-timestamp the evidence says between what it stands, or give --timeout more"}
	case errors.Is(err, context.DeadlineExceeded) && c.Bool("wait-cosigned"):
		return hinted{err, "saksi doctor says how far witnesses are; without --wait-cosigned the evidence says which have not seen the tree, or give --timeout more"}
	case errors.Is(err, evidence.ErrNoBody):
		return hinted{err, "the authority gives mandates for bodies: saksi reader add --role auditor or supervisor"}
	case err != nil:
		return err
	}
	size, err := writeBundle(file, bundle, func(f *os.File, size int64) error {
		return evidence.Check(source, bundle, f, size, func(done, total int) { shown.set("checked", done, total) })
	})
	if err != nil {
		return err
	}
	shown.done()
	return evidenceResult(c.String("output"), size, bundle).print(c)
}

// evidenceOptions says what is waited for.
func evidenceOptions(c *cli.Context) (evidence.Options, error) {
	o := evidence.Options{WaitAnchor: c.Bool("wait-anchor"), WaitCosigned: c.Bool("wait-cosigned"), WaitTimestamp: c.Bool("wait-timestamp")}
	if text := c.String("anchor-policy"); text != "" {
		policy, err := verify.ParseAnchorPolicy(text)
		if err != nil {
			return o, statusError{exitUsage, err}
		}
		o.AnchorPolicy = &policy
	}
	if !o.WaitAnchor && (o.AnchorPolicy != nil || c.String("trust") != "") {
		return o, usage("--anchor-policy and --trust say what --wait-anchor waits for")
	}
	if c.String("trust") != "" {
		var err error
		if o.Trust, err = readTrust(c); err != nil {
			return o, err
		}
	}
	return o, nil
}

// writeBundle writes a bundle to a file that has its name only once it was checked.
func writeBundle(file outFile, b *verify.Bundle, check func(f *os.File, size int64) error) (size int64, _ error) {
	err := file.write(func(f *os.File) (err error) {
		w := bufio.NewWriterSize(f, 1<<20)
		if size, err = b.WriteTo(w); err != nil {
			return err
		}
		if err := errors.Join(w.Flush(), f.Chmod(0o644)); err != nil {
			return err
		}
		return check(f, size)
	})
	return size, err
}

// selectPage is how many rows are asked for at once.
const selectPage = 1000

// selectEvents returns the events of the rows that --where chooses.
func selectEvents(c *cli.Context) ([]evidence.Request, error) {
	query, err := queryOf(c)
	if err != nil {
		return nil, err
	}
	query.Limit, query.Ascending = selectPage, true
	page, closer, err := pager(c)
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	var requests []evidence.Request
	for {
		refs, next, err := page(c.String("view"), query)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			requests = append(requests, evidence.Request{Leaf: ref.Leaf, Event: ref.Event})
		}
		if len(requests) > verify.MaxEvents {
			return nil, hinted{fmt.Errorf("more than %d events satisfy the conditions", verify.MaxEvents), "narrow them, as with 'time>=…' and 'time<…', and make several files"}
		}
		if next == "" {
			break
		}
		query.Cursor = next
	}
	if len(requests) == 0 {
		return nil, hinted{errors.New("no event satisfies the conditions"), "saksi view " + c.String("view") + " with the same --where shows what there is"}
	}
	slices.SortFunc(requests, func(x, y evidence.Request) int {
		return cmp.Or(cmp.Compare(x.Leaf, y.Leaf), cmp.Compare(x.Event, y.Event))
	})
	return slices.Compact(requests), nil
}

// mostListed is how many events are named on a terminal.
const mostListed = 12

func evidenceResult(file string, bytes int64, b *verify.Bundle) result {
	refs := make([]string, len(b.About))
	for i, r := range b.About {
		refs[i] = r.String()
	}
	listed := strings.Join(refs[:min(len(refs), mostListed)], " ")
	if len(refs) > mostListed {
		listed += fmt.Sprintf(" … %s, %d in all", refs[len(refs)-1], len(refs))
	}
	note := "saksi verify --trust TRUST " + file + " says what it proves."
	if len(b.Anchors) == 0 {
		note = "No anchor covers it, and it says so: --wait-anchor waits for one.\n" + note
	}
	if len(b.Withheld) == 1 {
		note = "1 of the events was erased: that it stood there is proven, and not what it said.\n" + note
	} else if len(b.Withheld) > 1 {
		note = fmt.Sprintf("%d of the events were erased: that they stood there is proven, and not what they said.\n", len(b.Withheld)) + note
	}
	return result{
		document: map[string]any{"withheld": len(b.Withheld), "evidence": file, "bytes": bytes, "events": refs, "leaves": len(b.Leaves), "anchors": len(b.Anchors), "cosigned": len(b.Cosigned), "timestamps": len(b.Timestamps)},
		rows: [][]any{
			{"evidence", fmt.Sprintf("%s, %d bytes", file, bytes)}, {"events", listed},
			{"leaves", len(b.Leaves)}, {"anchors", len(b.Anchors)}, {"cosigned", len(b.Cosigned)}, {"timestamps", len(b.Timestamps)},
		},
		note: note,
	}
}

// openEvidenceSource opens the ledger of an authority's home where it lies, or that of
// a reader's over HTTP.
func openEvidenceSource(dir string) (evidence.Source, io.Closer, error) {
	authority, err := home.OpenAuthority(dir)
	if err == nil {
		return localSource(authority)
	}
	reader, readerErr := watching(dir)
	switch {
	case errors.Is(err, home.ErrNoHome):
		return evidence.Source{}, nil, err
	case readerErr != nil:
		return evidence.Source{}, nil, readerErr
	}
	source, err := remoteSource(reader)
	return source, io.NopCloser(nil), err
}

// closers closes each of them.
type closers []io.Closer

func (list closers) Close() error {
	var errs []error
	for _, c := range list {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

func localSource(h *home.Authority) (evidence.Source, io.Closer, error) {
	key, err := h.LogVerifierKey()
	if err != nil {
		return evidence.Source{}, nil, err
	}
	log, err := formats.NewLog(key)
	if err != nil {
		return evidence.Source{}, nil, err
	}
	directory, err := archive.OpenDirectory(h.LedgerDir(), log)
	if err != nil {
		return evidence.Source{}, nil, err
	}
	anchors, err := evidence.OpenDirectory(h.LedgerDir())
	if err != nil {
		directory.Close()
		return evidence.Source{}, nil, err
	}
	timestamps, err := evidence.OpenTimestamps(h.LedgerDir())
	if err != nil {
		closers{directory, anchors}.Close()
		return evidence.Source{}, nil, err
	}
	return evidence.Source{
		Reader: directory, Log: log, Anchors: anchors, Cosigned: evidence.CosignedDirectory(h.LedgerDir()), Timestamps: timestamps,
	}, closers{directory, anchors, timestamps}, nil
}

func remoteSource(h watcher) (evidence.Source, error) {
	grant, err := h.Grant()
	if err != nil {
		return evidence.Source{}, err
	}
	signer, err := h.Signer()
	if err != nil {
		return evidence.Source{}, err
	}
	log, err := grant.Ledger.Log()
	if err != nil {
		return evidence.Source{}, err
	}
	reader, err := ledgerhttp.NewReader(grant.HTTP, log, ledgerhttp.ReaderOptions{
		Token: func(context.Context) (string, error) {
			return token.Mint(signer, grant.Name, log.Origin(), time.Now(), tokenLife)
		},
	})
	if err != nil {
		return evidence.Source{}, err
	}
	anchors, err := evidence.Remote(grant.HTTP, nil)
	if err != nil {
		return evidence.Source{}, err
	}
	cosigned, err := evidence.RemoteCosigned(grant.HTTP, nil)
	if err != nil {
		return evidence.Source{}, err
	}
	timestamps, err := evidence.RemoteTimestamps(grant.HTTP, nil)
	if err != nil {
		return evidence.Source{}, err
	}
	return evidence.Source{Reader: reader, Log: log, Anchors: anchors, Cosigned: cosigned, Timestamps: timestamps}, nil
}
