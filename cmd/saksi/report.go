package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/report"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "verify a piece of evidence, and report on it to people who read no protocol",
		Category:  "auditor",
		ArgsUsage: "FILE",
		Description: "What is proven, by whom, what is only said and what is not proven, with the custody in FILE.custody if it is there.\n" +
			"Without --output it is text; a file whose name ends in .html is one HTML file that prints well, .txt is text. The exit status is\n" +
			"3, and there is no report, if something does not hold. --certificate s90a adds the draft of a certificate for\n" +
			"Malaysia's Evidence Act 1950, section 90A, for counsel to finish: it is no certificate, and no legal advice.",
		Flags: []cli.Flag{stringFlag("trust", "the trust `FILE`"),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write it to `FILE`", TakesFile: true}, forceFlag(),
			&cli.StringFlag{Name: "lang", Usage: "`LANGUAGE`: " + strings.Join(report.Languages(), ", "), Value: "en", EnvVars: env("lang")},
			&cli.IntFlag{Name: "events", Usage: "list at most so many `EVENTS`", Value: 500, EnvVars: env("report-events")},
			&cli.StringFlag{Name: "certificate", Usage: "add the draft of this `CERTIFICATE`: " + report.CertificateS90A}},
		Action: makeReport,
	}
}

func makeReport(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	trust, err := readTrust(c)
	if err != nil {
		return err
	}
	file, err := output(c, "output", c.String("output"), args[0], c.String("trust"), args[0]+custodySuffix)
	if err != nil {
		return err
	}
	html := false
	switch strings.ToLower(filepath.Ext(file.path)) {
	case ".html", ".htm":
		html = true
	case ".txt":
	default:
		if file.path != "" {
			return usage("--output %s: a report is a file whose name ends in .html, or in .txt", file.path)
		}
	}
	if err := bundleAlone(args[0]); err != nil {
		return err
	}
	r := &report.Report{File: filepath.Base(args[0]), TrustFile: c.String("trust"), Made: time.Now(), Version: programVersion(), Certificate: c.String("certificate")}
	if r.Digest, r.Size, err = digestOfFile(args[0]); err != nil {
		return err
	}
	text, err := os.ReadFile(c.String("trust"))
	if err != nil {
		return err
	}
	r.Trust = events.DigestOf(text)
	left := c.Int("events")
	r.Statement, err = verifyEach(c, args[0], trust, func(record *verify.StatedRecord) error {
		short := verify.StatedRecord{Leaf: record.Leaf, Recorder: record.Recorder, Facility: record.Facility}
		for _, e := range record.Events {
			if left--; left >= 0 {
				short.Events = append(short.Events, e)
			} else {
				r.More++
			}
		}
		for _, e := range record.Withheld {
			if left--; left >= 0 {
				short.Withheld = append(short.Withheld, e)
			} else {
				r.More++
			}
		}
		if len(short.Events)+len(short.Withheld) > 0 {
			r.Records = append(r.Records, short)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if r.Custody, err = custodyOf(args[0], r.Digest, r.Size, trust); err != nil {
		return err
	}
	write := r.Text
	if html {
		write = r.HTML
	}
	if c.String("output") == "" {
		err = write(c.App.Writer, c.String("lang"))
	} else {
		err = file.write(func(f *os.File) error {
			return errors.Join(write(f, c.String("lang")), f.Chmod(0o644))
		})
	}
	if errors.Is(err, report.ErrUnknown) {
		return statusError{exitUsage, err}
	}
	if err != nil || c.String("output") == "" {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "report  %s\n", c.String("output"))
	return err
}

// programVersion is that of this program, as far as it knows.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
