// Command saksi-verify checks evidence, a receipt, or proof of a fork or of a broken
// order, offline, with a trust file.
//
//	saksi-verify -trust trust.json e.saksi
//
// It is package ledger/verify and nothing else of the project, so that a reader can
// look at all of it. The exit status is 3 if something does not hold.
//
// Not here: anything that an auditor need not read: it imports little of the project,
// and uses no network.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Exit statuses, as saksi has them.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitDoesNotHold
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("saksi-verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	trustFile := flags.String("trust", "", "the trust `file`: whom to believe; never one that came with the bundle")
	format := flags.String("format", "text", "text, or json: the statement with all its findings")
	records := flags.String("records", "", "write each leaf that it is about to this `file`, as JSON Lines; it is there only if all holds")
	force := flags.Bool("force", false, "write records over a file that is there already, unless it is one that is read")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: saksi-verify -trust trust.json [-format text|json] [-records records.jsonl [-force]] e.saksi")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitUsage
	case flags.NArg() != 1 || *trustFile == "" || *format != "text" && *format != "json":
		flags.Usage()
		return exitUsage
	}
	if status, err := mayWrite(*records, *force, flags.Arg(0), *trustFile); err != nil {
		fmt.Fprintf(stderr, "saksi-verify: %s\n", safetext.Line(err.Error()))
		return status
	}
	status, err := verifyFile(flags.Arg(0), *trustFile, *format, *records, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "saksi-verify: %s\n", safetext.Line(err.Error()))
	}
	return status
}

// mayWrite keeps records from taking the place of what is read, and of anything else
// unless forced.
func mayWrite(path string, force bool, reads ...string) (status int, _ error) {
	if path == "" {
		return exitDone, nil
	}
	there, err := os.Stat(path)
	for _, name := range reads {
		if read, failed := os.Stat(name); err == nil && failed == nil && os.SameFile(there, read) {
			return exitUsage, fmt.Errorf("-records %s is the file that is read, %s: it would be gone", path, name)
		}
	}
	if _, err := os.Lstat(path); err == nil && !force {
		return exitFailed, fmt.Errorf("%s is there already: give another name, or -force to write over it", path)
	}
	if err == nil && !there.Mode().IsRegular() {
		return exitUsage, fmt.Errorf("-records %s is no ordinary file", path)
	}
	return exitDone, nil
}

func verifyFile(path, trustFile, format, recordsFile string, stdout io.Writer) (int, error) {
	text, err := os.ReadFile(trustFile)
	if err != nil {
		return exitFailed, err
	}
	trust, err := verify.ParseTrust(text)
	if err != nil {
		return exitFailed, fmt.Errorf("%s: %w", trustFile, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return exitFailed, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return exitFailed, err
	}
	proof, isProof, err := verify.ReadProof(f)
	if err != nil {
		return exitFailed, err
	}
	if isProof {
		statement, err := verify.VerifyProof(proof, trust)
		if err != nil {
			return doesNotHold(path, err)
		}
		if err := say(statement, format, stdout); err != nil {
			return exitFailed, err
		}
		return exitDone, nil
	}
	receipt, isReceipt, err := verify.ReadReceipt(f)
	if err != nil {
		return exitFailed, err
	}
	if isReceipt {
		statement, err := verify.VerifyReceiptOf(receipt, trust)
		if err != nil {
			return doesNotHold(path, err)
		}
		if err := say(statement, format, stdout); err != nil {
			return exitFailed, err
		}
		return exitDone, nil
	}
	options := verify.Options{Now: time.Now()}
	finish := func() error { return nil }
	if recordsFile != "" {
		var discard func() error
		if options.Record, finish, discard, err = writeRecords(recordsFile); err != nil {
			return exitFailed, err
		}
		defer discard()
	}
	statement, err := verify.Verify(f, info.Size(), trust, options)
	if err != nil {
		return doesNotHold(path, err)
	}
	if err := finish(); err != nil {
		return exitFailed, err
	}
	if err := say(statement, format, stdout); err != nil {
		return exitFailed, err
	}
	return exitDone, nil
}

// doesNotHold says so; of what is no evidence, or of a ledger that the trust file doesn't
// name, nothing was judged.
func doesNotHold(path string, err error) (int, error) {
	var not *verify.NotEvidence
	var unknown *verify.UnknownLedger
	switch {
	case errors.As(err, &not):
		return exitFailed, fmt.Errorf("%s: this is not evidence: %s", path, not.Is)
	case errors.As(err, &unknown):
		return exitFailed, fmt.Errorf("%s can't be judged: the trust file doesn't name its ledger %.100q", path, unknown.Origin)
	}
	return exitDoesNotHold, fmt.Errorf("%s does not hold: %w", path, err)
}

// terminalWidth returns the columns of w if it is a terminal, and 0 otherwise.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// say writes what was verified, as it was asked for.
func say(statement interface{ TextIn(columns int) string }, format string, stdout io.Writer) error {
	if format != "json" {
		_, err := io.WriteString(stdout, statement.TextIn(terminalWidth(stdout)))
		return err
	}
	enc := json.NewEncoder(stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(statement)
}

// writeRecords writes records to a file that has its name once finish was called; discard
// removes what hasn't.
func writeRecords(path string) (record func(*verify.StatedRecord) error, finish func() error, discard func() error, _ error) {
	f, err := durable.Replace(path, 0o644)
	if err != nil {
		return nil, nil, nil, err
	}
	lines := bufio.NewWriter(f)
	enc := json.NewEncoder(lines)
	enc.SetEscapeHTML(false)
	record = func(r *verify.StatedRecord) error { return enc.Encode(r) }
	finish = func() error { return errors.Join(lines.Flush(), f.Commit()) }
	return record, finish, f.Discard, nil
}
