package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "what a piece of evidence proves, what is only somebody's word, and what it doesn't prove",
		Category:  "auditor",
		ArgsUsage: "FILE",
		Description: "FILE is an evidence bundle, as saksi evidence makes it, a receipt, as saksi outbox receipts writes it, or proof that a\n" +
			"ledger has signed two histories, or leaves out of order, as saksi monitor makes it. Nothing is believed but the trust file, and nobody\n" +
			"is asked. The exit status is 3 if something does not hold. saksi-verify is a small program that does the same.",
		Flags: []cli.Flag{stringFlag("trust", "the trust `FILE`"),
			&cli.StringFlag{Name: "records", Usage: "write each leaf that it is about to `FILE`, as JSON Lines: of more than 100 the statement has only sums", TakesFile: true},
			forceFlag(),
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
	records, err := output(c, "records", c.String("records"), args[0], c.String("trust"))
	if err != nil {
		return err
	}
	proof, isProof, err := readAs(args[0], verify.ReadProof)
	if err != nil {
		return err
	}
	if isProof {
		return verifyProof(c, args[0], proof, trust)
	}
	receipt, isReceipt, err := readAs(args[0], verify.ReadReceipt)
	if err != nil {
		return err
	}
	if isReceipt {
		return verifyReceipt(c, args[0], receipt, trust)
	}
	statement, err := verifyFile(c, args[0], trust, records)
	if err != nil {
		return err
	}
	return printStatement(c, statement)
}

// readAs reads a file if it is of a kind.
func readAs(path string, read func(io.ReaderAt) ([]byte, bool, error)) (content []byte, ok bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	return read(f)
}

// doesNotHold says that a file does not hold; but of one that is no evidence, or of a
// ledger that the trust file doesn't name, nothing was judged, and so it isn't said.
func doesNotHold(path string, err error) error {
	var not *verify.NotEvidence
	var unknown *verify.UnknownLedger
	switch {
	case errors.As(err, &not):
		return fmt.Errorf("%s: this is not evidence: %s", path, not.Is)
	case errors.As(err, &unknown):
		return hinted{fmt.Errorf("%s can't be judged: the trust file doesn't name %.100q, of which it is", path, unknown.Origin), "is it the right trust file?"}
	}
	return statusError{exitDoesNotHold, fmt.Errorf("%s does not hold: %w", path, err)}
}

// bundleAlone refuses what saksi verify reads and other commands don't.
func bundleAlone(path string) error {
	is := ""
	if proof, ok, err := readAs(path, verify.ReadProof); err != nil {
		return err
	} else if ok && verify.IsOrder(proof) {
		is = "proof that a ledger signed leaves out of their order"
	} else if ok {
		is = "proof that a ledger signed two histories"
	}
	if _, ok, err := readAs(path, verify.ReadReceipt); err != nil {
		return err
	} else if ok {
		is = "a receipt"
	}
	if is == "" {
		return nil
	}
	return hinted{fmt.Errorf("%s is %s, no evidence of events", path, is), "saksi verify reads it"}
}

// verifyReceipt says what a receipt proves.
func verifyReceipt(c *cli.Context, path string, receipt []byte, trust *verify.Trust) error {
	s, err := verify.VerifyReceiptOf(receipt, trust)
	if err != nil {
		return doesNotHold(path, err)
	}
	return printSentences(c, s, s.Sentences)
}

// verifyProof says what proof against a ledger proves. That it holds is success: it is the
// ledger that doesn't.
func verifyProof(c *cli.Context, path string, proof []byte, trust *verify.Trust) error {
	s, err := verify.VerifyProof(proof, trust)
	if err != nil {
		return doesNotHold(path, err)
	}
	return printSentences(c, s, s.Said())
}

// verifyFile verifies a bundle, with progress, and writes its records if there is a file
// for them: that has its name only if all holds.
func verifyFile(c *cli.Context, path string, trust *verify.Trust, records outFile) (s *verify.Statement, err error) {
	if records.path == "" {
		return verifyEach(c, path, trust, nil)
	}
	err = records.write(func(f *os.File) error {
		lines := bufio.NewWriterSize(f, 1<<20)
		encoder := json.NewEncoder(lines)
		encoder.SetEscapeHTML(false)
		var err error
		if s, err = verifyEach(c, path, trust, func(r *verify.StatedRecord) error { return encoder.Encode(r) }); err != nil {
			return err
		}
		return errors.Join(lines.Flush(), f.Chmod(0o644))
	})
	return s, err
}

// verifyEach verifies a bundle, with progress, and has each leaf that it is about.
func verifyEach(c *cli.Context, path string, trust *verify.Trust, record func(*verify.StatedRecord) error) (*verify.Statement, error) {
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
	s, err := verify.Verify(f, info.Size(), trust, verify.Options{
		Record: record, Progress: func(done, total int) { shown.set("verified", done, total) }, Now: time.Now(),
	})
	if err != nil {
		return nil, doesNotHold(path, err)
	}
	return s, nil
}

// printStatement prints sentences for people, or all findings for programs.
func printStatement(c *cli.Context, s *verify.Statement) error {
	return printSentences(c, s, s.Sentences)
}

func printSentences(c *cli.Context, s interface{ Text() string }, sentences []verify.Sentence) error {
	if formatOf(c) == "table" {
		_, err := io.WriteString(c.App.Writer, s.Text())
		return err
	}
	out := result{document: s, columns: []string{"kind", "sentence"}}
	for _, sentence := range sentences {
		out.rows = append(out.rows, []any{sentence.Kind, sentence.Text})
	}
	return out.print(c)
}
