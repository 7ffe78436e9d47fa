package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/monitor"
)

func monitorCommand() *cli.Command {
	return &cli.Command{
		Name:      "monitor",
		Usage:     "keep watching a ledger; alarm with proof on a fork or a broken order",
		Category:  "auditor",
		ArgsUsage: "URL…",
		Description: "Anyone can: nothing is believed but the trust file. Several addresses of one ledger, mirrors say, are compared with each\n" +
			"other. Ends with status 3 when the ledger has signed what can't be, once and for all; with --once, with 1 when it could\n" +
			"not be looked at, or shows an old view. Of a fork, and of leaves out of order, it writes a file that saksi verify reads,\n" +
			"anywhere.",
		Flags: []cli.Flag{
			stringFlag("trust", "the trust `FILE`"),
			&cli.StringFlag{Name: "dir", Usage: "what was seen is kept in `DIRECTORY`", EnvVars: env("dir"), TakesFile: true},
			&cli.BoolFlag{Name: "once", Usage: "look once, for cron", EnvVars: env("once")},
			&cli.DurationFlag{Name: "every", Usage: "look every `TIME`", Value: time.Minute, EnvVars: env("every")},
			&cli.DurationFlag{Name: "stale", Usage: "nothing new for so long a `TIME` is trouble: a ledger says every hour that it is there", Value: 2 * time.Hour, EnvVars: env("stale")},
			&cli.StringSliceFlag{Name: "compare", Usage: "compare `FILE` too: a receipt, a checkpoint, or what another monitor keeps in checkpoints/; may be given again", TakesFile: true},
			&cli.StringFlag{Name: "witness-policy", Usage: "want a quorum of witnesses other than the trust file does: `FILE`, a C2SP tlog-policy", EnvVars: env("witness-policy"), TakesFile: true},
			anchorPolicyFlag("leaves must come to stand in `HOW-MANY` of the trust file's Rekors, within --stale: all, any, or a number"),
			homeFlag(),
			&cli.DurationFlag{Name: "timeout", Usage: "give up an attempt of a request after this `TIME`", Value: 10 * time.Second, EnvVars: env("timeout")},
			formatFlag(), jsonFlag(),
		},
		Action: runMonitor,
	}
}

func runMonitor(c *cli.Context) error {
	const want = " one URL or more"
	if err := flagsBefore(c, want); err != nil {
		return err
	}
	if c.NArg() == 0 {
		return usage("%s takes%s", c.Command.HelpName, want)
	}
	if err := required(c, "dir"); err != nil {
		return err
	}
	if c.Duration("every") <= 0 || c.Duration("stale") <= 0 {
		return usage("--every and --stale must be above 0")
	}
	trust, err := readTrust(c)
	if err != nil {
		return err
	}
	config := monitor.Config{
		Dir: c.String("dir"), Trust: trust, URLs: c.Args().Slice(), Compare: c.StringSlice("compare"),
		Timeout: c.Duration("timeout"), Stale: c.Duration("stale"),
	}
	if config.Policy, err = readPolicy(c.String("witness-policy")); err != nil {
		return err
	}
	if config.Anchors, err = anchorPolicy(c, max(1, len(trust.Rekors))); err != nil {
		return err
	}
	if config.Token, err = bearer(homeOf(c)); err != nil {
		return err
	}
	switch formatOf(c) {
	case "json":
		config.Report = printSightings(c.App.Writer)
	case "table":
		config.Report = func(s monitor.Sighting) { writeSighting(c.App.Writer, s) }
	default:
		return usage("--format %s: want table or json", formatOf(c))
	}
	m, err := monitor.Open(config)
	if err != nil {
		return err
	}
	defer m.Close()
	return watchOver(c, m)
}

// watchOver looks until there is an alarm, or once.
func watchOver(c *cli.Context, m *monitor.Monitor) error {
	tick := time.NewTicker(c.Duration("every"))
	defer tick.Stop()
	for {
		level, err := m.Look(c.Context)
		switch {
		case level == monitor.Alarm:
			return alarmed(m.Alarms())
		case c.Context.Err() != nil && !c.Bool("once"):
			return nil
		case err != nil:
			return err
		case c.Bool("once") && level == monitor.Trouble:
			return errors.New("the ledger could not be seen as it should be")
		case c.Bool("once"):
			return nil
		}
		select {
		case <-c.Context.Done():
			return nil
		case <-tick.C:
		}
	}
}

// alarmed says, with the exit status, what was found.
func alarmed(all []monitor.Sighting) error {
	if len(all) == 0 {
		return statusError{exitDoesNotHold, errors.New("the ledger does not hold")}
	}
	err := error(statusError{exitDoesNotHold, fmt.Errorf("%s does not hold: %s", all[0].Ledger, all[0].Text)})
	for _, s := range all {
		if s.Proof != "" {
			return hinted{err, "show " + s.Proof + " to the authority, to witnesses and to other monitors: saksi verify says what it proves"}
		}
	}
	return err
}

func printSightings(w io.Writer) func(monitor.Sighting) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(s monitor.Sighting) { enc.Encode(s) }
}

// writeSighting writes a line for people.
func writeSighting(w io.Writer, s monitor.Sighting) {
	mark := ""
	switch s.Level {
	case monitor.Trouble:
		mark = "TROUBLE  "
	case monitor.Alarm:
		mark = "ALARM  "
	}
	fmt.Fprintf(w, "%s  %-10s  %s%s\n", s.Time.Format(time.DateTime), s.Kind, mark, safetext.Line(s.Text))
	if s.Proof != "" {
		fmt.Fprintf(w, "%21s%-10s  %s\n", "", "proof", safetext.Line(s.Proof))
	}
}

// readPolicy reads a witness policy; nil if path is empty.
func readPolicy(path string) (*formats.Policy, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	policy, err := formats.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return policy, nil
}

// bearer returns what makes tokens in the name of a reader's home, or nil if dir is
// empty.
func bearer(dir string) (func(context.Context) (string, error), error) {
	if dir == "" {
		return nil, nil
	}
	h, err := watching(dir)
	if err != nil {
		return nil, err
	}
	return func(context.Context) (string, error) { return mint(h, tokenLife) }, nil
}
