package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/reader"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

func watchCommand() *cli.Command {
	return &cli.Command{
		Name:      "watch",
		Usage:     "the changes of a view as they happen, from its feed",
		Category:  "everyone",
		ArgsUsage: "VIEW",
		Description: "Of a reader's home, or of an authority's with a seat. What the broker has no feed of, because it can't hold its\n" +
			"reader to the mandate, comes from the API. Goes on where it stopped, and ends with Ctrl-C. With --output, changes are appended to a file as JSON\n" +
			"Lines, one CloudEvent a line: nothing is missing and nothing stands twice, wherever it was interrupted.",
		Flags: []cli.Flag{homeFlag(),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "append to `FILE` instead of printing", TakesFile: true},
			&cli.IntFlag{Name: "count", Usage: "end after `N` changes", EnvVars: env("count")},
			&cli.DurationFlag{Name: "wait", Usage: "end when nothing came for this `TIME`", EnvVars: env("wait")},
			&cli.StringFlag{Name: "format", Usage: "`HOW` changes are printed: table, or json for JSON Lines", Value: "table", EnvVars: env("format")}},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "VIEW")
			if err != nil {
				return err
			}
			if err := required(c, "home"); err != nil {
				return err
			}
			if c.Int("count") < 0 || c.Duration("wait") < 0 {
				return usage("--count and --wait can't be negative")
			}
			h, err := watching(homeOf(c))
			if err != nil {
				return err
			}
			o := reader.WatchOptions{
				View: args[0], Output: c.String("output"), Count: c.Int("count"), Idle: c.Duration("wait"),
				Token:   func() (string, error) { return mint(h, time.Hour) },
				Trouble: func(err error) { fmt.Fprintf(c.App.ErrWriter, "waiting: %s\n", safetext.Line(err.Error())) },
			}
			switch formatOf(c) {
			case "json":
				o.Print = printFeed(jsonWriter(c.App.Writer))
			case "table", "":
				o.Print = (&changeTable{w: c.App.Writer}).print
			default:
				return usage("--format %s: want table or json", formatOf(c))
			}
			return reader.Watch(c.Context, h, o)
		},
	}
}

// watcher is the home of somebody who reads feeds.
type watcher interface {
	reader.Home
	Signer() (*events.Signer, error)
}

func watching(dir string) (watcher, error) {
	if member, err := home.OpenMemberAuthority(dir); err == nil {
		return member, nil
	}
	return home.OpenReader(dir)
}

func printFeed(w io.Writer) func([]feeds.Message) error {
	return func(messages []feeds.Message) error {
		for _, m := range messages {
			if _, err := fmt.Fprintf(w, "%s\n", m.Raw); err != nil {
				return err
			}
		}
		return nil
	}
}

// changeTable prints changes as lines for people: as they come, so its columns
// have fixed widths.
type changeTable struct {
	w      io.Writer
	headed bool
}

func (t *changeTable) print(messages []feeds.Message) error {
	if !t.headed {
		t.headed = true
		if err := t.line("TIME", "LEAF", "CHANGE", "KIND", "FACILITY", "OPERATOR", "KEY", "ROW"); err != nil {
			return err
		}
	}
	for _, m := range messages {
		e, err := m.Event()
		if err != nil {
			return err
		}
		facility, operator, rest, err := rowCells(m.View, e.Data.Row)
		if err != nil {
			return fmt.Errorf("change %d of view %s: %w", m.Change, m.View, err)
		}
		if err := t.line(e.Time.UTC().Format(time.DateTime), fmt.Sprint(e.Data.Leaf), changeNumber(m.Change), string(e.Data.Kind),
			facility, operator, e.Data.Key, rest); err != nil {
			return err
		}
	}
	return nil
}

// changeNumber is a number where there is one: whoever's mandate is bounded isn't told.
func changeNumber(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func (t *changeTable) line(cells ...string) error {
	for i, width := range []int{19, 6, 6, 7, 12, 12, 16, 0} {
		cells[i] = fmt.Sprintf("%-*s", width, safetext.Line(cells[i]))
	}
	_, err := fmt.Fprintln(t.w, strings.TrimRight(strings.Join(cells, "  "), " "))
	return err
}

// rowCells returns a row's facility and operator, and of the columns that matter
// most in its view those that are neither empty nor zero, as name=value. All of it is
// in --format json.
func rowCells(view string, row json.RawMessage) (facility, operator, rest string, err error) {
	var columns map[string]any
	if err := json.Unmarshal(row, &columns); err != nil {
		return "", "", "", err
	}
	var cells []string
	for _, name := range brief(view) {
		switch name {
		case "facility", "operator", "evidence":
			continue
		}
		if text := cellText(columns[name]); text != "" {
			cells = append(cells, name+"="+text)
		}
	}
	return cellText(columns["facility"]), cellText(columns["operator"]), strings.Join(cells, " "), nil
}

func cellText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case bool:
		if !v {
			return ""
		}
	case float64:
		if v == 0 {
			return ""
		}
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = cellText(e)
		}
		return strings.Join(parts, ",")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}
