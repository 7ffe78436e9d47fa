package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/projections"
)

type viewInput struct {
	atHome
	queryInput
	view, cursor, columns string
	limit                 int
	oldest                bool
}

// queryInput is the input of a command that chooses rows of a view.
type queryInput struct {
	where []string
	asOf  uint64
}

func (in *queryInput) bind(f *cmdline.Flags, usage string, view func(cmdline.Partial) string) {
	f.Strings(&in.where, "where", usage).Complete(completeConditions(view))
	f.Uint64(&in.asOf, "as-of", "as the view was when the tree had `SIZE` leaves")
}

func view() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "view", Roles: []string{regulator, customer},
		Summary: "show what the ledger's leaves add up to: who touched what, and whether the record is complete",
		Text: "For the home of the authority that runs the node, or of a reader or another authority, whom the node answers over HTTP with what is in " +
			"their mandate. Views: " + strings.Join(viewNames(), ", ") + ".\n" +
			"A condition is a column, an operator (= != < <= > >= ~) and a value, such as facility=lab-1 or 'time>=2026-11-20'; all of them must " +
			"hold. ~ means contains. Times without a zone, and days, are those of --tz; else of the facility, if the conditions name one; else UTC. " +
			"The table shows the columns that matter most; --columns chooses others, and json and csv have all of them, with times in UTC. Each row " +
			"names its events as LEAF/EVENT.",
		Examples: []string{
			"saksi view --home authority touches",
			"saksi view touches --where facility=lab-1 --where 'time>=2026-11-20' --tz Asia/Kuala_Lumpur",
			"saksi view --columns id,summary findings",
		},
	}, func(in *viewInput, f *cmdline.Flags) {
		f.Argument(&in.view, "VIEW").Complete(completeViews)
		in.queryInput.bind(f, "only rows that satisfy `CONDITION`", func(so cmdline.Partial) string { return strings.Join(so.Arguments, " ") })
		in.limit = 50
		f.Int(&in.limit, "limit", "at most `ROWS`")
		f.String(&in.cursor, "cursor", "go on after the page that gave this `CURSOR`")
		f.Bool(&in.oldest, "oldest", "the oldest first")
		f.String(&in.columns, "columns", "show these `NAMES`, with commas between; ? lists them").Complete(completeColumns)
		in.atHome.bind(f)
		f.Zone()
	}, runView)
}

func runView(ctx context.Context, s *cmdline.Session, in *viewInput) (*cmdline.Result, error) {
	switch {
	case s.Given("as-of") && in.asOf == 0:
		return nil, cmdline.Usage("--as-of 0: want a tree size from 1, at which leaf 0 was there")
	case in.limit < 1:
		return nil, cmdline.Usage("--limit %d: want at least 1", in.limit)
	}
	query, err := in.query(s, in.home)
	if err != nil {
		return nil, err
	}
	query.Limit, query.Cursor, query.Ascending, query.Count = in.limit, in.cursor, in.oldest, true
	rows, err := openRows(ctx, s, in.home)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.columns(ctx, in.view)
	if err != nil {
		return nil, err
	}
	if in.columns == "?" {
		return columnsResult(columns), nil
	}
	chosen, err := chooseColumns(in.view, columns, in.columns, s.Format == "csv")
	if err != nil {
		return nil, err
	}
	query.Where = localTimes(s, query.Where, columns)
	page, err := rows.page(ctx, in.view, query)
	if err != nil {
		return nil, err
	}
	if len(page.rows) == 0 {
		if err := knownValues(in.home, query.Where); err != nil {
			return nil, err
		}
	}
	out := &cmdline.Result{Document: page.document, Columns: chosen, Long: longColumn(in.view)}
	if in.columns == "" {
		out.Collapsible = collapsibleColumns(in.view)
	}
	for i, cells := range page.rows {
		line := make([]any, len(chosen))
		for n, name := range chosen {
			switch {
			case s.Format == "csv":
				line[n] = wholeCell(cells[name])
			case name == "facility" && in.columns == "":
				line[n] = facilityCell(fmt.Sprint(cells[name]), page.names[i])
			default:
				line[n] = shortCell(s, cells[name])
			}
		}
		out.Rows = append(out.Rows, line)
	}
	counted := fmt.Sprintf("%d of %d rows", len(page.rows), page.total)
	if page.total < uint64(len(page.rows)) {
		counted = fmt.Sprintf("%d rows", len(page.rows))
	}
	as := fmt.Sprintf("%s, as of tree size %d (%s)", counted, page.size, s.Stamp(page.now))
	if page.next == "" {
		out.Note = as
	} else {
		out.More = as + "; the next page: --cursor " + page.next
	}
	return out, nil
}

// query returns the query that --where and --as-of make. Its times are of the zone of
// the facility, if the conditions name one.
func (in *queryInput) query(s *cmdline.Session, dir string) (projections.Query, error) {
	query := projections.Query{AsOf: in.asOf}
	var facilities []string
	for _, text := range in.where {
		condition, err := projections.ParseCondition(text)
		if err != nil {
			return query, cmdline.WithStatus(cmdline.WrongUsage, err)
		}
		if condition.Column == "facility" && condition.Op == projections.Equal {
			facilities = append(facilities, condition.Value)
		}
		query.Where = append(query.Where, condition)
	}
	atFacility(s, dir, facilities...)
	return query, nil
}

// knownValues refuses a condition whose value the registry would know, and doesn't: no
// rows would be an answer to another question.
func knownValues(dir string, conditions []projections.Condition) error {
	for _, c := range conditions {
		k, ok := kindOfColumn(c.Column)
		if !ok || c.Op != projections.Equal || c.Value == "" {
			continue
		}
		known := knownAt(dir, k)
		if len(known) == 0 {
			continue
		}
		if err := unknownName(k, c.Value, known, ""); err != nil {
			return cmdline.WithStatus(cmdline.WrongUsage, err)
		}
	}
	return nil
}
