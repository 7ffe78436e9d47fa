package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/report"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

type reportInput struct {
	outputInput
	file, trust, lang, certificate string
	events                         int
}

func reportCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "report", Roles: []string{auditor, regulator},
		Summary: "verify a piece of evidence, and report on it to people who read no protocol",
		Text: "What is proven, by whom, what is only claimed and what is not proven, with the custody in FILE.custody if it is there. Without --output it is " +
			"text; a file whose name ends in .html is one HTML file that prints well, .txt is text. The exit status is 3, and there is no report, " +
			"if something does not hold. --certificate s90a adds the draft of a certificate for Malaysia's Evidence Act 1950, section 90A, for " +
			"counsel to finish: it is no certificate, and no legal advice.",
		Examples: []string{
			"saksi report --trust trust.json visit.saksi",
			"saksi report --trust trust.json --output visit.html --lang ms --certificate s90a visit.saksi",
		},
	}, func(in *reportInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE").File()
		trustFlag(f, &in.trust).Required()
		in.outputInput.bind(f, "write it to `FILE`")
		in.lang = "en"
		f.String(&in.lang, "lang", "report in this `LANGUAGE`: "+strings.Join(report.Languages(), ", ")).Complete(cmdline.OneOf(report.Languages()...))
		in.events = 500
		f.Int(&in.events, "events", "list at most so many `EVENTS`").Env("report-events")
		f.String(&in.certificate, "certificate", "add the draft of this `CERTIFICATE`: "+report.CertificateS90A).Complete(cmdline.OneOf(report.CertificateS90A))
	}, runReport)
}

func runReport(_ context.Context, s *cmdline.Session, in *reportInput) (*cmdline.Result, error) {
	trust, err := readTrust(in.trust)
	if err != nil {
		return nil, err
	}
	file, err := in.outputInput.file(in.file, in.trust, in.file+custodySuffix)
	if err != nil {
		return nil, err
	}
	html := false
	switch strings.ToLower(filepath.Ext(file.path)) {
	case ".html", ".htm":
		html = true
	case ".txt":
	default:
		if file.path != "" {
			return nil, cmdline.Usage("--output %s: a report is a file whose name ends in .html, or in .txt", file.path)
		}
	}
	if err := bundleAlone(in.file); err != nil {
		return nil, err
	}
	r, err := in.report(s, trust)
	if err != nil {
		return nil, err
	}
	write := r.Text
	if html {
		write = r.HTML
	}
	if in.output == "" {
		err = write(s.Out, in.lang)
	} else {
		err = file.write(func(f *os.File) error { return errors.Join(write(f, in.lang), f.Chmod(0o644)) })
	}
	if errors.Is(err, report.ErrUnknown) {
		return nil, cmdline.WithStatus(cmdline.WrongUsage, err)
	}
	if err != nil || in.output == "" {
		return nil, err
	}
	_, err = fmt.Fprintf(s.Out, "report  %s\n", in.output)
	return nil, err
}

// report verifies the evidence, and collects what is reported of it.
func (in *reportInput) report(s *cmdline.Session, trust *verify.Trust) (*report.Report, error) {
	r := &report.Report{File: filepath.Base(in.file), TrustFile: in.trust, Made: time.Now(), Version: programVersion(), Certificate: in.certificate}
	var err error
	if r.Digest, r.Size, err = digestOfFile(in.file); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(in.trust)
	if err != nil {
		return nil, err
	}
	r.Trust = events.DigestOf(text)
	left := in.events
	r.Statement, err = verifyEach(s, in.file, trust, func(record *verify.StatedRecord) error {
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
		return nil, err
	}
	r.Custody, err = custodyOf(in.file, r.Digest, r.Size, trust)
	return r, err
}
