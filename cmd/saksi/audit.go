package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/audit"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/succession"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// fetchConnections is how many are kept open to a ledger that is copied.
const fetchConnections = 16

func auditCommand() *cli.Command {
	return &cli.Command{
		Name:      "audit",
		Usage:     "the whole ledger again: hashes, signatures, verdicts, duplicates, anchors, cosignatures, timestamps",
		Category:  "auditor",
		ArgsUsage: "URL|DIRECTORY",
		Description: "DIRECTORY is an authority's home, a ledger's directory, or a copy; its node may be running. From a URL, the ledger is copied\n" +
			"into --dir first: what is there already is checked again and kept, so that it can be interrupted. Bodies come as far as the\n" +
			"mandate of the reader in --home goes; verdicts that can't be recomputed without the others are counted, and why. saksi mirror\n" +
			"serves the copy on. Nothing is believed but the trust file. The exit status is 3 if something does not hold.",
		Flags: []cli.Flag{stringFlag("trust", "the trust `FILE`"),
			&cli.StringFlag{Name: "predecessor", Usage: "hold the acts that were taken over to the tree before, whose home or copy is `DIRECTORY`", TakesFile: true},
			&cli.StringFlag{Name: "dir", Usage: "of a URL: the copy is kept in `DIRECTORY`", EnvVars: env("dir"), TakesFile: true},
			homeFlag(), attemptFlag(), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "URL|DIRECTORY")
			if err != nil {
				return err
			}
			trust, err := readTrust(c)
			if err != nil {
				return err
			}
			if before := c.String("predecessor"); before != "" { // better said before all is read
				if err := succession.Find(before); err != nil {
					return fmt.Errorf("read the tree before: %w", err)
				}
			}
			dir, remote := args[0], isURL(args[0])
			var fetched *mirror.Fetched
			if remote {
				if err := required(c, "dir"); err != nil {
					return err
				}
				dir = c.String("dir")
				if fetched, err = copyLedger(c, trust, args[0], mirror.Options{Recheck: true}); err != nil {
					return err
				}
			}
			b := newBar(c.App.ErrWriter, "auditing leaves", 0, false)
			report, err := audit.Directory(c.Context, dir, trust, func(done, total uint64) { b.set(int64(done), int64(total)) })
			b.done()
			if errors.Is(err, verify.ErrUnknownLedger) {
				return hinted{err, newTrustHint}
			}
			if err != nil {
				return err
			}
			report.Fetched = fetched
			if remote && len(report.Overdue) > 0 {
				if err := eraseFromCopy(c, trust, args[0], report); err != nil {
					return err
				}
			}
			if before := c.String("predecessor"); before != "" && len(report.Failures) == 0 {
				if err := holdToPredecessor(c, report, dir, before); err != nil {
					return err
				}
			}
			if err := auditResult(report).print(c); err != nil {
				return err
			}
			if len(report.Failures) > 0 {
				return statusError{exitDoesNotHold, fmt.Errorf("the ledger does not hold: %s", report.Failures[0])}
			}
			return nil
		},
	}
}

// holdToPredecessor compares what was taken over with the tree before. What says to be from
// there and isn't does not hold.
func holdToPredecessor(c *cli.Context, report *audit.Report, dir, before string) error {
	b := newBar(c.App.ErrWriter, "reading the tree before", 0, false)
	compared, err := succession.Compare(c.Context, dir, before, func(done, total uint64) { b.set(int64(done), int64(total)) })
	b.done()
	if err != nil {
		return err
	}
	report.Compared = compared
	for _, different := range compared.Different {
		report.Failures = append(report.Failures, "not as "+compared.Origin+" has it: "+different)
	}
	return nil
}

func isURL(s string) bool { return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") }

func attemptFlag() cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Usage: "give up an attempt of a request after this `TIME`", Value: 30 * time.Second, EnvVars: env("timeout")}
}

// copyLedger brings the copy in --dir up to what is served at url.
func copyLedger(c *cli.Context, trust *verify.Trust, url string, o mirror.Options) (*mirror.Fetched, error) {
	reader, trusted, as, err := openServed(c, trust, url)
	if err != nil {
		return nil, err
	}
	log, err := trusted.Log()
	if err != nil {
		return nil, err
	}
	served, err := mirror.Create(c.String("dir"), log, as)
	if err != nil {
		return nil, err
	}
	defer served.Close()
	b := newBar(c.App.ErrWriter, "copying leaves", 0, false)
	o.As, o.Progress = as, func(done, total uint64) { b.set(int64(done), int64(total)) }
	fetched, err := served.Fetch(c.Context, reader, o)
	b.done()
	var fork *mirror.ForkError
	switch {
	case errors.As(err, &fork):
		return nil, statusError{exitDoesNotHold, err}
	case errors.Is(err, mirror.ErrOlder):
		return nil, hinted{err, "the address may show an old view: saksi monitor tells, and saksi audit " + c.String("dir") + " audits the copy as it is"}
	case err != nil:
		return nil, hinted{err, "what came is kept: the same command goes on from there"}
	}
	return fetched, nil
}

// eraseFromCopy follows orders to erase that stand in the tree: what the ledger has
// erased goes from the copy too.
func eraseFromCopy(c *cli.Context, trust *verify.Trust, url string, report *audit.Report) error {
	reader, trusted, as, err := openServed(c, trust, url)
	if err != nil {
		return err
	}
	log, err := trusted.Log()
	if err != nil {
		return err
	}
	kept, err := mirror.Create(c.String("dir"), log, as)
	if err != nil {
		return err
	}
	defer kept.Close()
	report.Forgotten, err = kept.Refresh(c.Context, reader, report.Overdue)
	return err
}

const newTrustHint = "if that ledger takes the place of one that the trust file names, have its authority give you a trust file for it (saksi trust), and compare the key; an operator moves with saksi join"

// openServed opens the ledger that is served at a URL, whichever of the trust file it
// is, with the mandate of the reader in --home if there is one.
func openServed(c *cli.Context, trust *verify.Trust, url string) (*ledgerhttp.Reader, *verify.TrustedLedger, string, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = fetchConnections
	o := ledgerhttp.ReaderOptions{Client: &http.Client{Transport: transport}, Timeout: c.Duration("timeout")}
	as := ""
	if dir := homeOf(c); dir != "" {
		h, err := watching(dir)
		if err != nil {
			return nil, nil, "", err
		}
		grant, err := h.Grant()
		if err != nil {
			return nil, nil, "", err
		}
		as = grant.Name
		o.Token = func(context.Context) (string, error) { return mint(h, tokenLife) }
	}
	first, err := ledgerhttp.NewReader(url, nil, o)
	if err != nil {
		return nil, nil, "", statusError{exitUsage, err}
	}
	note, err := first.Note(c.Context)
	if err != nil {
		return nil, nil, "", fmt.Errorf("fetch the checkpoint: %w", err)
	}
	trusted, _, err := trust.OpenCheckpoint(note)
	if errors.Is(err, verify.ErrUnknownLedger) {
		return nil, nil, "", hinted{fmt.Errorf("what is served at %s: %w", url, err), newTrustHint}
	}
	if err != nil {
		return nil, nil, "", statusError{exitDoesNotHold, fmt.Errorf("what is served at %s: %w", url, err)}
	}
	log, err := trusted.Log()
	if err != nil {
		return nil, nil, "", err
	}
	reader, err := ledgerhttp.NewReader(url, log, o)
	return reader, trusted, as, err
}

func auditResult(r *audit.Report) result {
	out := result{document: r, rows: [][]any{
		{"ledger", r.Origin}, {"leaves", r.Leaves}, {"root", r.Root.String()},
		{"accepted", fmt.Sprintf("%s, %s", counted(r.Accepted, "envelope", "envelopes"), counted(r.Events, "event", "events"))}, {"duplicates", r.Duplicates}, {"rejected", r.Rejected},
		{"epochs", r.Epochs}, {"signatures checked", r.Signatures}, {"verdicts recomputed", r.Verdicts},
		{"erased, expired", fmt.Sprintf("%d, %d; %d verdicts rest on what remains", r.Erased, r.Expired, r.Partial)},
		{"recorders", fmt.Sprintf("%d, %d times started over; gaps %d, repeated %d, broken chains %d",
			r.Chains.Recorders, r.Chains.Incarnations, r.Chains.Gaps, r.Chains.Repeated, r.Chains.Broken)},
		{"anchors", fmt.Sprintf("%d hold, %d of them independent, up to %s; %d in Rekors that the trust file doesn't name",
			r.Anchors.Checked, r.Anchors.Independent, counted(r.Anchors.Size, "leaf", "leaves"), r.Anchors.Unknown)},
		{"timestamps", fmt.Sprintf("%d hold, %d of them independent, up to %s; %d by nobody whom the trust file names",
			r.Timestamps.Checked, r.Timestamps.Independent, counted(r.Timestamps.Size, "leaf", "leaves"), r.Timestamps.Unknown)},
		{"cosigned", fmt.Sprintf("%s by %s; a quorum up to %s", counted(r.Cosigned.Checkpoints, "checkpoint", "checkpoints"), counted(r.Cosigned.Signatures, "cosignature", "cosignatures"), counted(r.Cosigned.Quorum, "leaf", "leaves"))},
	}}
	if p := r.Predecessor; p != nil {
		out.rows = append(out.rows, []any{"taken over", fmt.Sprintf("%s of the registry of %s, as it stood with %s", counted(p.Acts, "act", "acts"), p.Origin, counted(p.Size, "leaf", "leaves"))})
	}
	if p := r.Compared; p != nil {
		out.rows = append(out.rows, []any{"compared", fmt.Sprintf("%d are as %s has them, %d not; %d were not taken over", p.Same, p.Origin, len(p.Different), len(p.Missing))})
	}
	if r.Anchors.Missing > 0 {
		out.rows = append(out.rows, []any{"anchors missing", fmt.Sprintf("%d of the %d that leaves record", r.Anchors.Missing, r.Anchors.Recorded)})
	}
	if r.Timestamps.Revoked > 0 {
		out.rows = append(out.rows, []any{"timestamps revoked", fmt.Sprintf("%d, by certificates on the trust file's revocation lists: they say nothing", r.Timestamps.Revoked)})
	}
	if r.Timestamps.Missing > 0 {
		out.rows = append(out.rows, []any{"timestamps missing", fmt.Sprintf("%d of the %d that leaves record", r.Timestamps.Missing, r.Timestamps.Recorded)})
	}
	if r.Withheld > 0 {
		out.rows = append(out.rows, []any{"bodies withheld", fmt.Sprintf("%d: beyond the mandate", r.Withheld)})
	}
	if len(r.Overdue) > 0 {
		out.rows = append(out.rows, []any{"erased from the copy", fmt.Sprintf("%d of the %d that are ordered erased; the rest is there at the ledger too", r.Forgotten, len(r.Overdue))})
	}
	var left uint64
	var reasons []string
	for reason, n := range r.NotRecomputed {
		left += n
		reasons = append(reasons, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(reason), "_", " ")))
	}
	slices.Sort(reasons)
	if left > 0 {
		out.rows = append(out.rows, []any{"not recomputed", strings.Join(reasons, ", ")})
	}
	if f := r.Fetched; f != nil {
		out.rows = append(out.rows, []any{"copied", fmt.Sprintf("%s, %s, %s; there before: %s", counted(f.Leaves, "leaf", "leaves"), counted(f.Bodies, "body", "bodies"), counted(f.Anchors, "anchor", "anchors"), counted(f.Kept, "leaf", "leaves"))})
	}
	out.rows = append(out.rows, []any{"seconds", fmt.Sprintf("%.2f", r.Seconds)}, []any{"leaves/s", fmt.Sprintf("%.0f", float64(r.Leaves)/max(r.Seconds, 1e-9))})
	for _, f := range r.Failures {
		out.rows = append(out.rows, []any{"DOES NOT HOLD", f})
	}
	switch {
	case len(r.Failures) > 0:
	case left > 0:
		out.note = fmt.Sprintf("What could be checked holds: every leaf is under the signed root, in the stream's order. %d of %d verdicts could not be\n"+
			"recomputed, for want of bodies: they are the ledger's word.", left, r.Leaves)
	default:
		out.note = "Everything holds: every leaf is under the signed root, every body is what its leaf says, every verdict is the one the rules give."
	}
	return out
}
