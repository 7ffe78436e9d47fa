package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/audit"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/mirror"
	"github.com/saksi-ledger/saksi/ledger/succession"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

type auditInput struct {
	where, trust, predecessor, dir, home string
	timeout                              time.Duration
}

func auditCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "audit", Roles: []string{auditor},
		Summary: "check the whole ledger again: hashes, signatures, verdicts, duplicates, anchors, cosignatures, timestamps",
		Text: "DIRECTORY is an authority's home, a ledger's directory, or a copy; its node may be running. From a URL, the ledger is copied into --dir " +
			"first: what is there already is checked again and kept, so that it can be interrupted. Bodies come as far as the mandate of the reader " +
			"in --home goes; verdicts that can't be recomputed without the others are counted, and why. saksi mirror serves the copy. Nothing is " +
			"believed but the trust file. The exit status is 3 if something does not hold.",
		Examples: []string{
			"saksi audit --trust trust.json authority",
			"saksi audit --trust trust.json --dir copy --home audit-desk https://ledger.example.my",
		},
	}, func(in *auditInput, f *cmdline.Flags) {
		f.Argument(&in.where, "URL|DIRECTORY").File()
		trustFlag(f, &in.trust).Required()
		f.String(&in.predecessor, "predecessor", "compare the acts that were taken over with the preceding tree, whose home or copy is `DIRECTORY`").File()
		f.String(&in.dir, "dir", "with a URL: keep the copy in `DIRECTORY`").File()
		f.OptionalHome(&in.home)
		attemptFlag(f, &in.timeout)
		f.Format()
	}, runAudit)
}

func runAudit(ctx context.Context, s *cmdline.Session, in *auditInput) (*cmdline.Result, error) {
	trust, err := readTrust(in.trust)
	if err != nil {
		return nil, err
	}
	if in.predecessor != "" { // better said before all is read
		if err := succession.Find(in.predecessor); err != nil {
			return nil, fmt.Errorf("read the tree before: %w", err)
		}
	}
	dir, remote := in.where, isURL(in.where)
	from := served{url: in.where, dir: in.dir, home: in.home, timeout: in.timeout, trust: trust}
	var fetched *mirror.Fetched
	if remote {
		if in.dir == "" {
			return nil, s.Usage("needs --dir")
		}
		dir = in.dir
		if fetched, err = from.copy(ctx, s, mirror.Options{Recheck: true}); err != nil {
			return nil, err
		}
	}
	b := cmdline.NewBar(s.Err, "auditing leaves", 0, false)
	report, err := audit.Directory(ctx, dir, trust, func(done, total uint64) { b.Set(int64(done), int64(total)) })
	b.Done()
	if errors.Is(err, verify.ErrUnknownLedger) {
		return nil, hint.With(err, newTrustHint)
	}
	if err != nil {
		return nil, err
	}
	report.Fetched = fetched
	if remote && len(report.Overdue) > 0 {
		if err := from.erase(ctx, report); err != nil {
			return nil, err
		}
	}
	if in.predecessor != "" && len(report.Failures) == 0 {
		if err := compareWithPredecessor(ctx, s, report, dir, in.predecessor); err != nil {
			return nil, err
		}
	}
	if len(report.Failures) > 0 {
		err = cmdline.WithStatus(cmdline.DoesNotHold, fmt.Errorf("the ledger does not hold: %s", report.Failures[0]))
	}
	return auditResult(report), err
}

// compareWithPredecessor compares what was taken over with the tree before. What claims
// to be from there and isn't does not hold.
func compareWithPredecessor(ctx context.Context, s *cmdline.Session, report *audit.Report, dir, before string) error {
	b := cmdline.NewBar(s.Err, "reading the tree before", 0, false)
	compared, err := succession.Compare(ctx, dir, before, func(done, total uint64) { b.Set(int64(done), int64(total)) })
	b.Done()
	if err != nil {
		return err
	}
	report.Compared = compared
	for _, different := range compared.Different {
		report.Failures = append(report.Failures, "not as "+compared.Origin+" has it: "+different)
	}
	return nil
}

func auditResult(r *audit.Report) *cmdline.Result {
	out := &cmdline.Result{Document: r, Rows: [][]any{
		{"ledger", r.Origin}, {"leaves", r.Leaves}, {"root", r.Root.String()},
		{"accepted", fmt.Sprintf("%s, %s", cmdline.Counted(r.Accepted, "envelope", "envelopes"), cmdline.Counted(r.Events, "event", "events"))}, {"duplicates", r.Duplicates}, {"rejected", r.Rejected},
		{"epochs", r.Epochs}, {"signatures checked", r.Signatures}, {"verdicts recomputed", r.Verdicts},
		{"erased, expired", fmt.Sprintf("%d, %d; %d verdicts rest on what remains", r.Erased, r.Expired, r.Partial)},
		{"recorders", fmt.Sprintf("%d, %d times started over; gaps %d, repeated %d, broken chains %d",
			r.Chains.Recorders, r.Chains.Incarnations, r.Chains.Gaps, r.Chains.Repeated, r.Chains.Broken)},
		{"anchors", fmt.Sprintf("%d hold, %d of them independent, up to %s; %d in Rekors that the trust file doesn't name",
			r.Anchors.Checked, r.Anchors.Independent, cmdline.Counted(r.Anchors.Size, "leaf", "leaves"), r.Anchors.Unknown)},
		{"timestamps", fmt.Sprintf("%d hold, %d of them independent, up to %s; %d by nobody whom the trust file names",
			r.Timestamps.Checked, r.Timestamps.Independent, cmdline.Counted(r.Timestamps.Size, "leaf", "leaves"), r.Timestamps.Unknown)},
		{"cosigned", fmt.Sprintf("%s by %s; a quorum up to %s", cmdline.Counted(r.Cosigned.Checkpoints, "checkpoint", "checkpoints"), cmdline.Counted(r.Cosigned.Signatures, "cosignature", "cosignatures"), cmdline.Counted(r.Cosigned.Quorum, "leaf", "leaves"))},
	}}
	if p := r.Predecessor; p != nil {
		out.Rows = append(out.Rows, []any{"taken over", fmt.Sprintf("%s of the registry of %s, as it stood with %s", cmdline.Counted(p.Acts, "act", "acts"), p.Origin, cmdline.Counted(p.Size, "leaf", "leaves"))})
	}
	if p := r.Compared; p != nil {
		out.Rows = append(out.Rows, []any{"compared", fmt.Sprintf("%d are as %s has them, %d not; %d were not taken over", p.Same, p.Origin, len(p.Different), len(p.Missing))})
	}
	if r.Anchors.Missing > 0 {
		out.Rows = append(out.Rows, []any{"anchors missing", fmt.Sprintf("%d of the %d that leaves record", r.Anchors.Missing, r.Anchors.Recorded)})
	}
	if r.Timestamps.Revoked > 0 {
		out.Rows = append(out.Rows, []any{"timestamps revoked", fmt.Sprintf("%d, by certificates on the trust file's revocation lists: they say nothing", r.Timestamps.Revoked)})
	}
	if r.Timestamps.Missing > 0 {
		out.Rows = append(out.Rows, []any{"timestamps missing", fmt.Sprintf("%d of the %d that leaves record", r.Timestamps.Missing, r.Timestamps.Recorded)})
	}
	if r.Withheld > 0 {
		out.Rows = append(out.Rows, []any{"bodies withheld", fmt.Sprintf("%d: beyond the mandate", r.Withheld)})
	}
	if len(r.Overdue) > 0 {
		out.Rows = append(out.Rows, []any{"erased from the copy", fmt.Sprintf("%d of the %d that are ordered erased; the rest is there at the ledger too", r.Forgotten, len(r.Overdue))})
	}
	var left uint64
	var reasons []string
	for reason, n := range r.NotRecomputed {
		left += n
		reasons = append(reasons, fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(reason), "_", " ")))
	}
	slices.Sort(reasons)
	if left > 0 {
		out.Rows = append(out.Rows, []any{"not recomputed", strings.Join(reasons, ", ")})
	}
	if f := r.Fetched; f != nil {
		out.Rows = append(out.Rows, []any{"copied", fmt.Sprintf("%s, %s, %s; there before: %s", cmdline.Counted(f.Leaves, "leaf", "leaves"), cmdline.Counted(f.Bodies, "body", "bodies"), cmdline.Counted(f.Anchors, "anchor", "anchors"), cmdline.Counted(f.Kept, "leaf", "leaves"))})
	}
	out.Rows = append(out.Rows, []any{"seconds", fmt.Sprintf("%.2f", r.Seconds)}, []any{"leaves/s", fmt.Sprintf("%.0f", float64(r.Leaves)/max(r.Seconds, 1e-9))})
	for _, f := range r.Failures {
		out.Rows = append(out.Rows, []any{"DOES NOT HOLD", f})
	}
	switch {
	case len(r.Failures) > 0:
	case left > 0:
		out.Note = fmt.Sprintf("What could be checked holds: every leaf is under the signed root, in the stream's order. %d of %d verdicts could not be\n"+
			"recomputed, for want of bodies: they are the ledger's word.", left, r.Leaves)
	default:
		out.Note = "Everything holds: every leaf is under the signed root, every body is what its leaf says, every verdict is the one the rules give."
	}
	return out
}
