package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

type verifyInput struct {
	file, trust, records string
	force                bool
}

func verifyCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "verify", Roles: []string{auditor, customer},
		Summary: "say what a piece of evidence proves, what is only claimed, and what it doesn't prove",
		Text: "FILE is an evidence bundle, as saksi evidence makes it, a receipt, as saksi outbox receipts writes it, or proof that a ledger has signed two " +
			"histories, or leaves out of order, as saksi monitor makes it. Nothing is believed but the trust file, and nobody is asked. The exit " +
			"status is 3 if something does not hold. saksi-verify is a small program that does the same.",
		Examples: []string{
			"saksi verify --trust trust.json visit.saksi",
			"saksi verify --trust trust.json --records leaves.jsonl --json visits.saksi",
		},
	}, func(in *verifyInput, f *cmdline.Flags) {
		f.Argument(&in.file, "FILE").File()
		trustFlag(f, &in.trust).Required()
		f.String(&in.records, "records", "write each leaf that the evidence is about to `FILE`, as JSON Lines: of more than 100 the statement has only sums").File()
		f.Bool(&in.force, "force", "write over a file that is there already, unless it is one that is read")
		f.Format()
	}, runVerify)
}

func runVerify(_ context.Context, s *cmdline.Session, in *verifyInput) (*cmdline.Result, error) {
	trust, err := readTrust(in.trust)
	if err != nil {
		return nil, err
	}
	records, err := output("records", in.records, in.force, in.file, in.trust)
	if err != nil {
		return nil, err
	}
	proof, isProof, err := readAs(in.file, verify.ReadProof)
	if err != nil {
		return nil, err
	}
	if isProof {
		// That it holds is success: it is the ledger that doesn't.
		statement, err := verify.VerifyProof(proof, trust)
		if err != nil {
			return nil, doesNotHold(in.file, err)
		}
		return sentences(s, statement, statement.Said())
	}
	receipt, isReceipt, err := readAs(in.file, verify.ReadReceipt)
	if err != nil {
		return nil, err
	}
	if isReceipt {
		statement, err := verify.VerifyReceiptOf(receipt, trust)
		if err != nil {
			return nil, doesNotHold(in.file, err)
		}
		return sentences(s, statement, statement.Sentences)
	}
	statement, err := verifyFile(s, in.file, trust, records)
	if err != nil {
		return nil, err
	}
	return sentences(s, statement, statement.Sentences)
}

// verifyFile verifies a bundle, with progress, and writes its records if there is a file
// for them: that has its name only if all holds.
func verifyFile(s *cmdline.Session, path string, trust *verify.Trust, records outFile) (statement *verify.Statement, err error) {
	if records.path == "" {
		return verifyEach(s, path, trust, nil)
	}
	err = records.write(func(f *os.File) error {
		lines := bufio.NewWriterSize(f, 1<<20)
		encoder := json.NewEncoder(lines)
		encoder.SetEscapeHTML(false)
		var err error
		if statement, err = verifyEach(s, path, trust, func(r *verify.StatedRecord) error { return encoder.Encode(r) }); err != nil {
			return err
		}
		return errors.Join(lines.Flush(), f.Chmod(0o644))
	})
	return statement, err
}

// sentences prints sentences for people, or all findings for programs.
func sentences(s *cmdline.Session, statement interface{ Text() string }, list []verify.Sentence) (*cmdline.Result, error) {
	if s.Format == "table" {
		_, err := io.WriteString(s.Out, statement.Text())
		return nil, err
	}
	out := &cmdline.Result{Document: statement, Columns: []string{"kind", "sentence"}}
	for _, sentence := range list {
		out.Rows = append(out.Rows, []any{sentence.Kind, sentence.Text})
	}
	return out, nil
}
