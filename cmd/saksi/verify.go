package main

import (
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "what a piece of evidence proves, what is only somebody's word, and what it doesn't prove",
		Category:  "auditor",
		ArgsUsage: "FILE",
		Description: "FILE is an evidence bundle, as saksi evidence makes it, or proof that a ledger has signed two histories, as saksi\n" +
			"monitor makes it. Nothing is believed but the trust file, and nobody\n" +
			"is asked. The exit status is 3 if something does not hold. saksi-verify is a small program that does the same.",
		Flags:  []cli.Flag{stringFlag("trust", "the trust `FILE`"), formatFlag(), jsonFlag()},
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
	f, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer f.Close()
	bundle, err := io.ReadAll(io.LimitReader(f, verify.MaxBundle+1))
	if err != nil {
		return err
	}
	if verify.IsFork(bundle) {
		return verifyFork(c, args[0], bundle, trust)
	}
	statement, err := verify.VerifyBundle(bundle, trust)
	if err != nil {
		return statusError{exitDoesNotHold, fmt.Errorf("%s does not hold: %w", args[0], err)}
	}
	return printStatement(c, statement)
}

// verifyFork says what proof of a fork proves. That it holds is success: it is the
// ledger that doesn't.
func verifyFork(c *cli.Context, path string, proof []byte, trust *verify.Trust) error {
	s, err := verify.VerifyFork(proof, trust)
	if err != nil {
		return statusError{exitDoesNotHold, fmt.Errorf("%s does not hold: %w", path, err)}
	}
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
