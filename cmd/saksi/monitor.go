package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/monitor"
)

type monitorInput struct {
	urls, compare                                 []string
	trust, dir, witnessPolicy, anchorPolicy, home string
	once                                          bool
	every, stale, timeout                         time.Duration
}

func monitorCommand() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "monitor", Roles: []string{auditor},
		Summary: "keep watching a ledger; raise an alarm with proof on a fork or a broken order",
		Text: "Anyone can: nothing is believed but the trust file. Several addresses of one ledger, mirrors for example, are compared with each other. Ends " +
			"with status 3 when the ledger has signed what can't be, once and for all; with --once, with 1 when it could not be looked at, or shows " +
			"an old view. Of a fork, and of leaves out of order, it writes a file that saksi verify reads, anywhere.",
		Examples: []string{
			"saksi monitor --trust trust.json --dir seen https://ledger.example.my",
			"saksi monitor --trust trust.json --dir seen --once https://ledger.example.my https://mirror.example.org",
		},
	}, func(in *monitorInput, f *cmdline.Flags) {
		f.Rest(&in.urls, "URL", 1)
		trustFlag(f, &in.trust).Required()
		f.String(&in.dir, "dir", "keep what was seen in `DIRECTORY`").File().Required()
		f.Bool(&in.once, "once", "look once, for cron")
		in.every = time.Minute
		f.Duration(&in.every, "every", "look every `TIME`")
		in.stale = 2 * time.Hour
		f.Duration(&in.stale, "stale", "nothing new for so long a `TIME` is trouble: a ledger says every hour that it is there")
		f.Strings(&in.compare, "compare", "also compare `FILE`: a receipt, a checkpoint, or what another monitor keeps in checkpoints/").File()
		f.String(&in.witnessPolicy, "witness-policy", "want a quorum of witnesses other than the trust file does: `FILE`, a C2SP tlog-policy").File()
		anchorPolicyFlag(f, &in.anchorPolicy, "leaves must come to stand in `HOW-MANY` of the trust file's Rekors, within --stale: all, any, or a number")
		f.OptionalHome(&in.home)
		in.timeout = 10 * time.Second
		attemptFlag(f, &in.timeout)
		f.Zone()
		f.Format("table", "json")
	}, runMonitor)
}

func runMonitor(ctx context.Context, s *cmdline.Session, in *monitorInput) (*cmdline.Result, error) {
	if in.every <= 0 || in.stale <= 0 {
		return nil, cmdline.Usage("--every and --stale must be above 0")
	}
	trust, err := readTrust(in.trust)
	if err != nil {
		return nil, err
	}
	config := monitor.Config{
		Dir: in.dir, Trust: trust, URLs: in.urls, Compare: in.compare, Timeout: in.timeout, Stale: in.stale,
		Report: func(seen monitor.Sighting) { writeSighting(s, seen) },
	}
	if config.Policy, err = readPolicy(in.witnessPolicy); err != nil {
		return nil, err
	}
	if config.Anchors, err = anchorPolicy(in.anchorPolicy, max(1, len(trust.Rekors))); err != nil {
		return nil, err
	}
	if config.Token, err = bearer(in.home); err != nil {
		return nil, err
	}
	if s.Format == "json" {
		config.Report = printSightings(s.Out)
	}
	m, err := monitor.Open(config)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return nil, in.watch(ctx, m)
}

// watch looks until there is an alarm, or once.
func (in *monitorInput) watch(ctx context.Context, m *monitor.Monitor) error {
	tick := time.NewTicker(in.every)
	defer tick.Stop()
	for {
		level, err := m.Look(ctx)
		switch {
		case level == monitor.Alarm:
			return alarmed(m.Alarms())
		case ctx.Err() != nil && !in.once:
			return nil
		case err != nil:
			return err
		case in.once && level == monitor.Trouble:
			return errors.New("the ledger could not be seen as it should be")
		case in.once:
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// alarmed says, with the exit status, what was found.
func alarmed(all []monitor.Sighting) error {
	if len(all) == 0 {
		return cmdline.WithStatus(cmdline.DoesNotHold, errors.New("the ledger does not hold"))
	}
	err := cmdline.WithStatus(cmdline.DoesNotHold, fmt.Errorf("%s does not hold: %s", all[0].Ledger, all[0].Text))
	for _, seen := range all {
		if seen.Proof != "" {
			return hint.With(err, "show "+seen.Proof+" to the authority, to witnesses and to other monitors: saksi verify says what it proves")
		}
	}
	return err
}

func printSightings(w io.Writer) func(monitor.Sighting) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(seen monitor.Sighting) { enc.Encode(seen) }
}

// writeSighting writes a line for people.
func writeSighting(s *cmdline.Session, seen monitor.Sighting) {
	mark := ""
	switch seen.Level {
	case monitor.Trouble:
		mark = "TROUBLE  "
	case monitor.Alarm:
		mark = "ALARM  "
	}
	at := seen.Time
	if s.Zone != nil {
		at = at.In(s.Zone)
	}
	fmt.Fprintf(s.Out, "%s  %-10s  %s%s\n", at.Format(time.DateTime), seen.Kind, mark, safetext.Line(seen.Text))
	if seen.Proof != "" {
		fmt.Fprintf(s.Out, "%21s%-10s  %s\n", "", "proof", safetext.Line(seen.Proof))
	}
}
