package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/reader"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

type watchInput struct {
	home, view, output string
	count              int
	wait               time.Duration
}

func watch() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "watch", Roles: []string{regulator, customer},
		Summary: "show the changes of a view as they happen, from its feed",
		Text: "For a reader's home, or that of an authority that doesn't run the ledger. Feeds that the broker can't limit to the reader's mandate come " +
			"from the API. It goes on where it stopped, and ends with Ctrl-C. With --output, changes are appended to a file as JSON Lines, one " +
			"CloudEvent a line: nothing is missing and nothing stands twice, wherever it was interrupted.",
		Examples: []string{
			"saksi watch --home desk findings",
			"saksi watch --home desk --output touches.jsonl touches",
			"saksi watch --count 10 --format json findings",
		},
	}, func(in *watchInput, f *cmdline.Flags) {
		f.Argument(&in.view, "VIEW").Complete(completeViews)
		f.String(&in.output, "output", "append to `FILE` instead of printing").Also("o").File()
		f.Int(&in.count, "count", "end after `N` changes")
		f.Duration(&in.wait, "wait", "end when nothing came for this `TIME`")
		f.Home(&in.home)
		f.Zone()
		f.Format("table", "json")
	}, runWatch)
}

func runWatch(ctx context.Context, s *cmdline.Session, in *watchInput) (*cmdline.Result, error) {
	if in.count < 0 || in.wait < 0 {
		return nil, cmdline.Usage("--count and --wait can't be negative")
	}
	h, err := openWatcher(in.home)
	if err != nil {
		return nil, err
	}
	o := reader.WatchOptions{
		View: in.view, Output: in.output, Count: in.count, Idle: in.wait,
		Token:   func() (string, error) { return mint(h, time.Hour) },
		Trouble: func(err error) { fmt.Fprintf(s.Err, "waiting: %s\n", safetext.Line(err.Error())) },
		Print:   (&changeTable{s: s}).print,
	}
	if s.Format == "json" {
		o.Print = printFeed(cmdline.JSONWriter(s.Out))
	}
	return nil, reader.Watch(ctx, h, o)
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
	s      *cmdline.Session
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
		if err := t.line(e.Time.In(t.s.Location()).Format(time.DateTime), fmt.Sprint(e.Data.Leaf), changeNumber(m.Change), string(e.Data.Kind),
			facility, operator, e.Data.Key, rest); err != nil {
			return err
		}
	}
	return nil
}

// changeNumber is a number where there is one: a reader with a bounded mandate isn't told.
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
	_, err := fmt.Fprintln(t.s.Out, strings.TrimRight(strings.Join(cells, "  "), " "))
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
	for _, name := range defaultColumns(view) {
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
