package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "what a piece of evidence proves, what is only somebody's word, and what it doesn't prove",
		Category:  "auditor",
		ArgsUsage: "FILE",
		Description: "FILE is an evidence bundle, as saksi evidence makes it. Nothing is believed but the trust file, and nobody\n" +
			"is asked. The exit status is 3 if something does not hold. saksi-verify is a small program that does the same.",
		Flags: []cli.Flag{stringFlag("trust", "the trust `FILE`"),
			&cli.StringFlag{Name: "records", Usage: "write each leaf that it is about to `FILE`, as JSON Lines: of more than 100 the statement has only sums", TakesFile: true},
			formatFlag(), jsonFlag()},
		Action: verifyEvidence,
	}
}

func verifyEvidence(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	trust, err := readTrust(c)
	if err != nil {
		return err
	}
	statement, err := verifyFile(c, args[0], trust, c.String("records"))
	if err != nil {
		return err
	}
	return printStatement(c, statement)
}

// verifyFile verifies a bundle, with progress, and writes its records if there is a file
// for them: that has its name only if all holds.
func verifyFile(c *cli.Context, path string, trust *verify.Trust, recordsFile string) (*verify.Statement, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	shown := newSteps(c.App.ErrWriter)
	defer shown.done()
	options := verify.Options{Progress: func(done, total int) { shown.set("verified", done, total) }}
	var records *os.File
	var lines *bufio.Writer
	if recordsFile != "" {
		if records, err = os.CreateTemp(filepath.Dir(recordsFile), "."+filepath.Base(recordsFile)+"-*"); err != nil {
			return nil, err
		}
		defer os.Remove(records.Name())
		defer records.Close()
		lines = bufio.NewWriterSize(records, 1<<20)
		encoder := json.NewEncoder(lines)
		encoder.SetEscapeHTML(false)
		options.Record = func(r *verify.StatedRecord) error { return encoder.Encode(r) }
	}
	statement, err := verify.Verify(f, info.Size(), trust, options)
	if err != nil {
		return nil, statusError{exitDoesNotHold, fmt.Errorf("%s does not hold: %w", path, err)}
	}
	if records != nil {
		if err := errors.Join(lines.Flush(), records.Chmod(0o644), records.Close()); err != nil {
			return nil, err
		}
		if err := os.Rename(records.Name(), recordsFile); err != nil {
			return nil, err
		}
	}
	return statement, nil
}

// printStatement prints sentences for people, or all findings for programs.
func printStatement(c *cli.Context, s *verify.Statement) error {
	if formatOf(c) == "table" {
		_, err := io.WriteString(c.App.Writer, s.Text())
		return err
	}
	out := result{document: s, columns: []string{"kind", "sentence"}}
	for _, sentence := range s.Sentences {
		out.rows = append(out.rows, []any{sentence.Kind, sentence.Text})
	}
	return out.print(c)
}
