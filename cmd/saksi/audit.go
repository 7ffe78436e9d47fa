package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/audit"
)

func auditCommand() *cli.Command {
	return &cli.Command{
		Name:      "audit",
		Usage:     "the whole ledger again: hashes, signatures, verdicts, duplicates",
		Category:  "auditor",
		ArgsUsage: "DIRECTORY",
		Description: "DIRECTORY is an authority's home or a ledger's directory; its node may be running. Nothing is believed\n" +
			"but the trust file. The exit status is 3 if something does not hold.",
		Flags: []cli.Flag{stringFlag("trust", "the trust `FILE`"), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "DIRECTORY")
			if err != nil {
				return err
			}
			trust, err := readTrust(c)
			if err != nil {
				return err
			}
			b := newBar(c.App.ErrWriter, "auditing leaves", 0, false)
			report, err := audit.Directory(c.Context, args[0], trust, func(done, total uint64) { b.set(int64(done), int64(total)) })
			b.done()
			if err != nil {
				return err
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

func auditResult(r *audit.Report) result {
	out := result{document: r, rows: [][]any{
		{"ledger", r.Origin}, {"leaves", r.Leaves}, {"root", r.Root.String()},
		{"accepted", fmt.Sprintf("%d envelopes, %d events", r.Accepted, r.Events)}, {"duplicates", r.Duplicates}, {"rejected", r.Rejected},
		{"epochs", r.Epochs}, {"signatures checked", r.Signatures}, {"verdicts recomputed", r.Verdicts},
		{"erased, expired", fmt.Sprintf("%d, %d; %d verdicts rest on what remains", r.Erased, r.Expired, r.Partial)},
		{"seconds", fmt.Sprintf("%.2f", r.Seconds)}, {"leaves/s", fmt.Sprintf("%.0f", float64(r.Leaves)/max(r.Seconds, 1e-9))},
	}}
	for _, f := range r.Failures {
		out.rows = append(out.rows, []any{"DOES NOT HOLD", f})
	}
	if len(r.Failures) == 0 {
		out.note = "Everything holds: every leaf is under the signed root, every body is what its leaf says, every verdict is the one the rules give.\n" +
			"What stands in Rekors was not looked at: evidence of an event says that."
	}
	return out
}
