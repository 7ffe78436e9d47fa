// Command saksi is the whole of Saksi on the command line: authority, operator
// and auditor alike. Each command is one file here, and calls one function of the
// package that does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"k8s.io/klog/v2"

	"github.com/saksi-ledger/saksi/events/safetext"
)

// Exit statuses. They are part of the interface.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitDoesNotHold // verified, and it does not hold
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
	app := newApp(stdin, stdout, stderr)
	var unknown error // that help was asked about
	app.CommandNotFound = func(_ *cli.Context, name string) { unknown = unknownCommand(name) }
	err := app.RunContext(ctx, args)
	if err == nil {
		err = unknown
	}
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(stderr, "saksi: %s\n", safetext.Line(strings.ReplaceAll(err.Error(), "\n", "; ")))
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		fmt.Fprintf(stderr, "hint: %s\n", safetext.Line(hinted.Hint()))
	} else if errors.Is(err, syscall.ENOSPC) {
		fmt.Fprintln(stderr, "hint: the disk is full: make room, and start it again; what has a receipt is safe")
	}
	var coded interface{ exitStatus() int }
	if errors.As(err, &coded) {
		return coded.exitStatus()
	}
	return exitFailed
}

// quietLibraries lets through what libraries that log by klog warn of, and no more.
func quietLibraries(w io.Writer) {
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError})))
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:  "saksi",
		Usage: "a record of who touched in-country infrastructure that nobody can quietly change",
		Description: "An authority makes a ledger with init and runs it with up. Operators enrol, join, and publish or import.\n" +
			"Auditors check the whole of it with audit. Flags come before arguments.",
		Reader: stdin, Writer: stdout, ErrWriter: stderr,
		HideVersion: true,
		// Conditions and Rekors have commas.
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              usageError,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return unknownCommand(c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			demoCommand(),
			initCommand(), upCommand(), brokerCommand(), authorityCommand(), operatorCommand(), readerCommand(), facilityCommand(), recorderCommand(), tenantCommand(), findingCommand(), keyCommand(), bodyCommand(), holdCommand(), ledgerCommand(), personCommand(), sealedCommand(), orderCommand(),
			viewCommand(), rebuildCommand(), doctorCommand(), trustCommand(),
			enrolCommand(), joinCommand(), importCommand(), publishCommand(), discloseCommand(), commitCommand(), ordersCommand(), produceCommand(), attestCommand(), outboxCommand(), watchCommand(), tokenCommand(),
			evidenceCommand(), verifyCommand(), reportCommand(), redactCommand(), custodyCommand(), auditCommand(), monitorCommand(), mirrorCommand(), witnessCommand(), schemaCommand(), benchCommand(), versionCommand(), rekorCommand(),
		},
	}
	complete(app.Commands)
	return app
}

// complete gives commands and their subcommands the behaviour that the library
// has for an app only.
func complete(commands []*cli.Command) {
	for _, command := range commands {
		command.OnUsageError = usageError
		if len(command.Subcommands) > 0 {
			command.Action = func(c *cli.Context) error {
				if c.Args().Present() {
					return unknownCommand(command.Name + " " + c.Args().First())
				}
				return cli.ShowSubcommandHelp(c)
			}
			complete(command.Subcommands)
		}
	}
}

func usageError(_ *cli.Context, err error, _ bool) error { return usage("%v", err) }

func unknownCommand(name string) error {
	return hinted{usage("there is no command %q", name), "saksi help lists them"}
}

// statusError gives an error an exit status.
type statusError struct {
	status int
	error
}

func (e statusError) Unwrap() error   { return e.error }
func (e statusError) exitStatus() int { return e.status }

func usage(format string, args ...any) error {
	return statusError{exitUsage, fmt.Errorf(format, args...)}
}

// hinted is an error that says what to do.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }

// arguments returns exactly the arguments that a command takes.
func arguments(c *cli.Context, names ...string) ([]string, error) {
	want := ""
	for _, name := range names {
		want += " " + name
	}
	if err := flagsBefore(c, orNothing(want)); err != nil {
		return nil, err
	}
	if c.NArg() != len(names) {
		return nil, usage("%s takes%s, not %d arguments", c.Command.HelpName, orNothing(want), c.NArg())
	}
	return c.Args().Slice(), nil
}

// flagsBefore refuses arguments that look like flags: they came too late to be
// taken for flags.
func flagsBefore(c *cli.Context, want string) error {
	for _, a := range c.Args().Slice() {
		if len(a) > 1 && a[0] == '-' {
			return hinted{usage("%s takes%s, and flags come before", c.Command.HelpName, want), "put " + a + " before the arguments"}
		}
	}
	return nil
}

func orNothing(s string) string {
	if s == "" {
		return " no arguments"
	}
	return s
}
