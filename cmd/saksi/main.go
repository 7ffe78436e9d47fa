// Command saksi is all of Saksi on the command line, for regulators, operators,
// auditors, customers and whoever runs a node.
//
// Here is parsing and printing only. Each command is one file, named after it, with
// the struct of its input, its flags, its help and the function that calls the
// package which does the work; commands.go lists them. What several commands need
// stands in homes.go (opening homes), names.go (names that the registry knows),
// files.go (files that are written whole), evidence_files.go (trust files and
// evidence) and rows.go (rows of views). How commands are parsed, explained,
// completed and printed is package cmdline's.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := Main(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Main runs one command and returns its exit status. Tests call it as people
// call the binary.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	quietLibraries(stderr)
	return newProgram(stdin, stdout, stderr).Run(ctx, args[1:])
}

// quietLibraries lets through what libraries that log by klog warn of, and no more.
func quietLibraries(w io.Writer) {
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError})))
}

func newProgram(stdin io.Reader, stdout, stderr io.Writer) *cmdline.Program {
	return &cmdline.Program{
		Name: "saksi", Summary: "a record of who touched in-country infrastructure that nobody can quietly change",
		Roles: roles(), Nouns: nouns(), Commands: commands(),
		Stdin: stdin, Stdout: stdout, Stderr: stderr,
		Contexts: &cmdline.Contexts{File: cmdline.ContextsFile()},
	}
}
