package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/views"
)

func viewCommand() *cli.Command {
	return &cli.Command{
		Name:      "view",
		Usage:     "what the ledger's leaves add up to: who touched what, and whether the record is whole",
		Category:  "authority",
		ArgsUsage: "VIEW",
		Description: "Of the home of the authority whose node it is, or of a reader or a member authority, whom the node answers over\n" +
			"HTTP with what is in their mandate. Views: " + strings.Join(viewNames(), ", ") + ".\n" +
			"A condition is a column, an operator (= != < <= > >= ~) and a value, such as facility=lab-1 or\n" +
			"'time>=2026-11-20T12:00Z'; all of them must hold. ~ is: contains. The table shows the columns that matter\n" +
			"most; --columns chooses others, and json and csv have all of them. Each row names its events as LEAF/EVENT.",
		Flags: []cli.Flag{
			homeFlag(),
			&cli.StringSliceFlag{Name: "where", Usage: "only rows that satisfy `CONDITION`; may be repeated"},
			&cli.Uint64Flag{Name: "as-of", Usage: "as the view was when the tree had `SIZE` leaves", EnvVars: env("as-of")},
			&cli.IntFlag{Name: "limit", Usage: "at most `ROWS`", Value: 50, EnvVars: env("limit")},
			&cli.StringFlag{Name: "cursor", Usage: "go on after the page that gave this `CURSOR`"},
			&cli.BoolFlag{Name: "oldest", Usage: "the oldest first", EnvVars: env("oldest")},
			&cli.StringFlag{Name: "columns", Usage: "show these `NAMES`, comma-separated; ? lists them", EnvVars: env("columns")},
			formatFlag(), jsonFlag(),
		},
		Action: view,
	}
}

func viewNames() []string {
	var names []string
	for _, v := range views.All() {
		names = append(names, v.Name)
	}
	return names
}

func view(c *cli.Context) error {
	args, err := arguments(c, "VIEW")
	if err != nil {
		return err
	}
	if err := required(c, "home"); err != nil {
		return err
	}
	switch {
	case c.IsSet("as-of") && c.Uint64("as-of") == 0:
		return usage("--as-of 0: want a tree size from 1, at which leaf 0 was there")
	case c.Int("limit") < 1:
		return usage("--limit %d: want at least 1", c.Int("limit"))
	}
	query, err := queryOf(c)
	if err != nil {
		return err
	}
	query.Limit, query.Cursor, query.Ascending, query.Count = c.Int("limit"), c.String("cursor"), c.Bool("oldest"), true
	h, err := home.OpenAuthority(homeOf(c))
	if errors.Is(err, home.ErrOtherRole) {
		return viewElsewhere(c, args[0], query)
	} else if err != nil {
		return err
	}
	store, err := viewstore.Open(c.Context, h)
	if err != nil {
		return err
	}
	defer store.Close()
	if c.String("columns") == "?" {
		columns, err := store.Columns(args[0])
		if err != nil {
			return asUsage(err)
		}
		return columnsResult(columns).print(c)
	}
	page, err := store.Rows(c.Context, args[0], query)
	if err != nil {
		return asUsage(err)
	}
	out, err := pageResult(args[0], page, c.String("columns"), formatOf(c) == "csv")
	if err != nil {
		return err
	}
	return out.print(c)
}

// queryOf returns the query that --where and --as-of make.
func queryOf(c *cli.Context) (projections.Query, error) {
	query := projections.Query{AsOf: c.Uint64("as-of")}
	for _, text := range c.StringSlice("where") {
		condition, err := projections.ParseCondition(text)
		if err != nil {
			return query, statusError{exitUsage, err}
		}
		query.Where = append(query.Where, condition)
	}
	return query, nil
}

// pager returns what reads a page of a view, from where the home's views are: the event
// that each row is about, or in views where that is more than one, all that it comes
// from; and the cursor of the next page.
func pager(c *cli.Context) (page func(view string, q projections.Query) ([]events.Ref, string, error), _ io.Closer, _ error) {
	h, err := home.OpenAuthority(homeOf(c))
	if errors.Is(err, home.ErrOtherRole) {
		return remotePager(c)
	} else if err != nil {
		return nil, nil, err
	}
	store, err := viewstore.Open(c.Context, h)
	if err != nil {
		return nil, nil, err
	}
	return func(view string, q projections.Query) ([]events.Ref, string, error) {
		p, err := store.Rows(c.Context, view, q)
		if err != nil {
			return nil, "", asUsage(err)
		}
		var refs []events.Ref
		for _, row := range p.Rows {
			cells := row.Cells()
			if ref, ok := cells["ref"].(events.Ref); ok {
				refs = append(refs, ref)
			} else if list, ok := cells["evidence"].(events.Refs); ok {
				refs = append(refs, list...)
			}
		}
		return refs, p.Next, nil
	}, store, nil
}

// asUsage gives what is wrong with a query the status of wrong usage.
func asUsage(err error) error {
	var wrong *projections.QueryError
	if errors.As(err, &wrong) {
		return statusError{exitUsage, err}
	}
	return err
}

func columnsResult(columns []projections.Column) result {
	out := result{document: columns, columns: []string{"column", "kind", "indexed", "what"}}
	for _, column := range columns {
		out.rows = append(out.rows, []any{column.Name, column.Kind, yesNo(column.Indexed), column.Doc})
	}
	return out
}

// brief are the columns that a view's table shows unless told otherwise: what fits
// a terminal and answers its question.
func brief(view string) []string {
	return map[string][]string{
		"touches":      {"time", "facility", "actor.id", "actor.party", "from.country", "mode", "operation", "outcome", "reason", "correction", "evidence"},
		"sessions":     {"state", "opened", "closed", "facility", "actor.id", "actor.party", "from.country", "mode", "reason", "evidence"},
		"facilities":   {"facility", "operator", "country", "landlord", "owner.name", "operatingEntity.name", "ultimateParent.name", "ultimateParent.country", "evidence"},
		"completeness": {"recorder", "kind", "last", "events", "gaps", "breaks", "contradictions", "nextDue", "overdue", "evidence"},
		"reveals":      {"received", "authority", "recorder", "what", "actor.id", "ground", "order", "events"},
		"orders":       {"due", "state", "authority", "number", "recorder", "event", "asked", "left", "answers"},
		"corrections":  {"received", "recorder", "event", "action", "by.event", "reason", "evidence"},
		"tenants":      {"tenant", "operator", "facility", "touches", "denied", "actor.parties", "from.countries", "last", "evidence"},
		"findings":     {"severity", "state", "rule", "facility", "summary", "response", "evidence"},
	}[view]
}

// spare are those of the brief columns that a narrow terminal can do without, the
// least needed first.
func spare(view string) []string {
	return map[string][]string{
		"touches":      {"correction", "reason", "from.country", "mode", "facility", "outcome"},
		"sessions":     {"reason", "mode", "from.country", "facility", "actor.party", "closed"},
		"facilities":   {"owner.name", "operatingEntity.name", "operator", "ultimateParent.name", "landlord", "country"},
		"completeness": {"nextDue", "kind", "last", "breaks", "events", "contradictions"},
		"orders":       {"answers", "event", "asked", "recorder"},
		"tenants":      {"from.countries", "operator", "denied", "actor.parties"},
		"findings":     {"response", "state", "facility", "rule"},
	}[view]
}

func pageResult(view string, page projections.Page, chosen string, all bool) (result, error) {
	known := map[string]bool{}
	var names []string
	for _, column := range page.Columns {
		known[column.Name] = true
		if all {
			names = append(names, column.Name)
		}
	}
	switch {
	case chosen != "":
		names = strings.Split(chosen, ",")
		for _, name := range names {
			if !known[name] {
				return result{}, hinted{usage("%s has no column %q", view, name), "--columns '?' lists them"}
			}
		}
	case !all:
		for _, name := range brief(view) {
			if known[name] {
				names = append(names, name)
			}
		}
	}
	out := result{document: page, columns: names}
	if chosen == "" {
		out.spare = spare(view)
	}
	for _, row := range page.Rows {
		cells := row.Cells()
		line := make([]any, len(names))
		for i, name := range names {
			line[i] = viewCell(cells[name], all)
			if name == "facility" && !all && chosen == "" && row.FacilityName != "" {
				line[i] = facilityCell(fmt.Sprint(cells[name]), row.FacilityName)
			}
		}
		out.rows = append(out.rows, line)
	}
	total := uint64(len(page.Rows))
	if page.Total != nil {
		total = *page.Total
	}
	out.note = fmt.Sprintf("%d of %d rows, as of tree size %d (%s)", len(page.Rows), total, page.Size, page.Now.Format(time.RFC3339))
	if page.Next != "" {
		out.note += "; the next page: --cursor " + page.Next
	}
	return out, nil
}

// facilityCell is a facility for people: its id, and its name beside it.
func facilityCell(id, name string) string { return id + " (" + safetext.Clip(name, 40) + ")" }

// viewCell writes a value: whole for programs, for people with times to the second
// and long lists cut short.
func viewCell(v any, whole bool) any {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		switch {
		case v.IsZero():
			return ""
		case whole:
			return v.UTC().Format(time.RFC3339Nano)
		}
		return v.UTC().Format("2006-01-02 15:04:05Z")
	case events.Refs:
		const most = 3
		shown := v
		if !whole {
			shown = v[:min(most, len(v))]
		}
		var texts []string
		for _, ref := range shown {
			texts = append(texts, ref.String())
		}
		if more := len(v) - len(shown); more > 0 {
			texts = append(texts, fmt.Sprintf("and %d more", more))
		}
		return strings.Join(texts, " ")
	case []string:
		return strings.Join(v, " ")
	}
	return v
}
