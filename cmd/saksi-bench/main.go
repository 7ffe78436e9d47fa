// Command saksi-bench measures a node under load and under attack.
//
// It says how much the node takes, how fast receipts and views follow, what attacks cost
// others, and what the parts below do alone. It is apart from saksi, so that the program
// that operators run has no load generator and no attack.
//
// Not here: what operators run; that is in cmd/saksi.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// errUsage is wrapped by errors of flags and arguments.
var errUsage = errors.New("see saksi-bench --help")

// run returns the exit status: 0 done, 1 failed, 2 wrong usage.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	app := &cli.App{
		Name:  "saksi-bench",
		Usage: "measure a ledger of its own on this machine",
		Description: "Makes an authority, its node and its operators in a temporary directory, puts load on them, audits the\n" +
			"result, and measures beside it what the tree, signatures and the stream can do alone. It removes everything\n" +
			"that it made.\n" +
			"Measures: " + strings.Join(bench.Measures(), ", ") + ".\n" +
			"The measure hostile runs only if --only names it: one operator attacks a node in several ways while another\n" +
			"publishes quietly. hostile-X is the one attack X: " + strings.Join(bench.Attacks(), ", ") + ".\n" +
			"With --format json each figure is one line: name, value, unit, n, conditions.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "duration", Usage: "load for this `TIME` in each measure", Value: bench.DefaultDuration, EnvVars: []string{"SAKSI_DURATION"}},
			&cli.StringFlag{Name: "only", Usage: "run only the measure called `NAME`", EnvVars: []string{"SAKSI_ONLY"}},
			&cli.StringFlag{Name: "dir", Usage: "work in this `DIRECTORY`, on the disk to be measured", EnvVars: []string{"SAKSI_DIR"}},
			&cli.BoolFlag{Name: "ungoverned", Usage: "limit no operator, whatever it sends: what an attack would do", Hidden: true},
			&cli.StringFlag{Name: "format", Usage: "print results as `FORM`: table or json", Value: "table", EnvVars: []string{"SAKSI_FORMAT"}},
			&cli.StringFlag{Name: "cpuprofile", Usage: "write a CPU profile of the load alone to `FILE`; needs --only", Hidden: true},
		},
		Writer:          out,
		ErrWriter:       errOut,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {},
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return fmt.Errorf("%w: %w", err, errUsage) },
		Action:          measure,
	}
	err := app.RunContext(ctx, args)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(errOut, "saksi-bench: %v\n", err)
		return 2
	default:
		fmt.Fprintf(errOut, "saksi-bench: %v\n", err)
		return 1
	}
}

func usage(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), errUsage)
}

func measure(c *cli.Context) error {
	format := c.String("format")
	switch {
	case c.Args().Present():
		return usage("unexpected argument %q", c.Args().First())
	case format != "json" && format != "table":
		return usage("--format %s: want table or json", format)
	case c.Duration("duration") <= 0:
		return usage("--duration %s: want more than 0", c.Duration("duration"))
	case c.String("cpuprofile") != "" && c.String("only") == "":
		return usage("--cpuprofile needs --only")
	}
	config := bench.Config{
		Dir: c.String("dir"), Duration: c.Duration("duration"), Only: c.String("only"),
		Log: slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if c.Bool("ungoverned") {
		config.Limits = bench.Unlimited()
	}
	config.Begin = func(name string) func() {
		fmt.Fprintf(c.App.ErrWriter, "measuring %s\n", name)
		return func() {}
	}
	if name := c.String("cpuprofile"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			return err
		}
		defer f.Close()
		config.Begin = func(string) func() {
			if err := pprof.StartCPUProfile(f); err != nil {
				fmt.Fprintf(c.App.ErrWriter, "saksi-bench: no profile: %v\n", err)
			}
			return pprof.StopCPUProfile
		}
	}
	figures := table.NewWriter()
	figures.AppendHeader(table.Row{"FIGURE", "VALUE", "UNIT", "N", "CONDITIONS"})
	lines := json.NewEncoder(c.App.Writer)
	err := bench.Run(c.Context, config, func(f bench.Figure) {
		if format == "json" {
			lines.Encode(f)
			return
		}
		figures.AppendRow(table.Row{f.Name, rounded(f.Value), f.Unit, f.N, f.Conditions})
	})
	if errors.Is(err, bench.ErrUnknown) {
		return usage("--only %v", err)
	}
	if figures.Length() > 0 {
		fmt.Fprintln(c.App.Writer, figures.Render())
	}
	return err
}

// rounded prints a measured value with no more digits than it deserves.
func rounded(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
