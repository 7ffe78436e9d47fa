package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/hammer"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:     "bench",
		Usage:    "measure a ledger of its own on this machine",
		Category: "everyone",
		Description: "Makes an authority, its node and its operators in a temporary directory, puts load on them, audits what\n" +
			"came of it, and measures beside it what tree, signatures and stream bear alone. Nothing is left behind.\n" +
			"Measures: " + strings.Join(hammer.Measures(), ", ") + ".\n" +
			"Hostile is taken only where it is named: one operator attacks a node in each of some ways, another publishes\n" +
			"quietly. hostile-X is the one attack X of it: " + strings.Join(hammer.Attacks(), ", ") + ".\n" +
			"With --format json each figure is one line: name, value, unit, n, conditions.",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "duration", Usage: "load for this `TIME` in each measure", Value: hammer.DefaultDuration, EnvVars: env("duration")},
			stringFlag("only", "take the one measure of this `NAME`"),
			stringFlag("dir", "work in this `DIRECTORY`, on the disk to be measured"),
			&cli.BoolFlag{Name: "ungoverned", Usage: "hold nobody, whatever they send: what an attack would do", Hidden: true},
			&cli.StringFlag{Name: "format", Usage: "`HOW` results are printed: table or json", Value: "table", EnvVars: env("format")},
			&cli.StringFlag{Name: "cpuprofile", Usage: "write a CPU profile of the load, and of no more, to `FILE`; with --only", Hidden: true},
		},
		Action: bench,
	}
}

func bench(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	asJSON := formatOf(c) == "json"
	switch {
	case !asJSON && formatOf(c) != "table":
		return usage("--format %s: want table or json", formatOf(c))
	case c.Duration("duration") <= 0:
		return usage("--duration %s: want more than 0", c.Duration("duration"))
	case c.String("cpuprofile") != "" && c.String("only") == "":
		return usage("--cpuprofile needs --only")
	}
	config := hammer.Config{
		Dir: c.String("dir"), Duration: c.Duration("duration"), Only: c.String("only"),
		Log: slog.New(slog.NewTextHandler(c.App.ErrWriter, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if c.Bool("ungoverned") {
		config.Limits = hammer.Ungoverned()
	}
	taken := int64(0)
	b := newBar(c.App.ErrWriter, "measuring", int64(len(hammer.Measures())), false)
	config.Begin = func(string) func() {
		taken++
		b.set(taken, 0)
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
				fmt.Fprintf(c.App.ErrWriter, "saksi: no profile: %v\n", err)
			}
			return pprof.StopCPUProfile
		}
	}
	out := result{columns: []string{"figure", "value", "unit", "n", "conditions"}}
	enc := json.NewEncoder(c.App.Writer)
	err := hammer.Run(c.Context, config, func(f hammer.Figure) {
		if asJSON {
			enc.Encode(f)
			return
		}
		out.rows = append(out.rows, []any{f.Name, rounded(f.Value), f.Unit, f.N, f.Conditions})
	})
	b.done()
	if errors.Is(err, hammer.ErrUnknown) {
		return usage("--only %v", err)
	}
	if !asJSON && len(out.rows) > 0 {
		if err := out.print(c); err != nil {
			return err
		}
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
