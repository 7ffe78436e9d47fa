package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
)

// Rows of views: read from the home's own store, or from the node that is elsewhere, and
// written as cells for people or for programs.

// viewPage is a page of a view's rows, wherever it comes from.
type viewPage struct {
	document any // as JSON
	rows     []map[string]any
	names    []string // of each row's facility, for people; empty where it has none
	next     string
	size     uint64
	now      time.Time
	total    uint64 // 0 where it isn't known
}

// viewRows reads pages of views.
type viewRows interface {
	columns(ctx context.Context, view string) ([]projections.Column, error)
	page(ctx context.Context, view string, q projections.Query) (*viewPage, error)
	io.Closer
}

// openRows opens the views of a home: where they lie, or those of its node.
func openRows(ctx context.Context, s *cmdline.Session, dir string) (viewRows, error) {
	h, err := home.OpenAuthority(dir)
	if errors.Is(err, home.ErrOtherRole) {
		return openRemoteRows(dir)
	} else if err != nil {
		return nil, err
	}
	store, err := viewstore.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	return localRows{store}, nil
}

type localRows struct{ *projections.Store }

func (r localRows) columns(_ context.Context, view string) ([]projections.Column, error) {
	columns, err := r.Columns(view)
	return columns, asUsage(err)
}

func (r localRows) page(ctx context.Context, view string, q projections.Query) (*viewPage, error) {
	p, err := r.Rows(ctx, view, q)
	if err != nil {
		return nil, asUsage(err)
	}
	page := &viewPage{document: p, next: p.Next, size: p.Size, now: p.Now}
	if p.Total != nil {
		page.total = *p.Total
	}
	for _, row := range p.Rows {
		page.rows = append(page.rows, row.Cells())
		page.names = append(page.names, row.FacilityName)
	}
	return page, nil
}

// asUsage gives what is wrong with a query the status of wrong usage.
func asUsage(err error) error {
	var wrong *projections.QueryError
	if errors.As(err, &wrong) {
		return cmdline.WithStatus(cmdline.WrongUsage, err)
	}
	return err
}

// refsOf returns the event that a row is about, or in views where that is more than
// one, all that it comes from.
func refsOf(cells map[string]any) []events.Ref {
	if ref, ok := cells["ref"].(events.Ref); ok {
		return []events.Ref{ref}
	}
	if list, ok := cells["evidence"].(events.Refs); ok {
		return list
	}
	return nil
}

func columnsResult(columns []projections.Column) *cmdline.Result {
	out := &cmdline.Result{Document: columns, Columns: []string{"column", "kind", "indexed", "what"}}
	for _, column := range columns {
		out.Rows = append(out.Rows, []any{column.Name, column.Kind, cmdline.YesNo(column.Indexed), column.Doc})
	}
	return out
}

// chooseColumns returns the columns that are shown: those that were asked for, all of
// them, or the view's own choice.
func chooseColumns(view string, columns []projections.Column, asked string, all bool) ([]string, error) {
	var known []string
	for _, c := range columns {
		known = append(known, c.Name)
	}
	switch {
	case asked != "":
		chosen := strings.Split(asked, ",")
		for _, name := range chosen {
			if !slices.Contains(known, name) {
				do := "--columns '?' lists them"
				if near := hint.DidYouMean(name, known); near != "" {
					do = near + " " + do
				}
				return nil, hint.With(cmdline.Usage("%s has no column %q", view, name), do)
			}
		}
		return chosen, nil
	case all:
		return known, nil
	}
	return slices.DeleteFunc(slices.Clone(defaultColumns(view)), func(name string) bool { return !slices.Contains(known, name) }), nil
}

// defaultColumns are the columns that a view's table shows unless told otherwise: what
// fits a terminal and answers its question.
func defaultColumns(view string) []string {
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

// collapsibleColumns are those of the default columns that a narrow terminal can do without,
// the least needed first: what is left answers the view's question.
func collapsibleColumns(view string) []string {
	return map[string][]string{
		"touches":      {"correction", "outcome", "actor.party", "reason", "operation"},
		"sessions":     {"reason", "mode", "actor.party", "facility", "closed"},
		"facilities":   {"operatingEntity.name", "owner.name", "operator", "landlord", "country"},
		"completeness": {"kind", "nextDue", "breaks", "contradictions", "events"},
		"reveals":      {"order", "recorder", "received"},
		"orders":       {"event", "asked", "answers", "authority"},
		"corrections":  {"by.event", "received", "reason"},
		"tenants":      {"operator", "actor.parties", "last", "denied"},
		"findings":     {"response", "facility", "rule"},
	}[view]
}

// longColumn is the column of sentences that a view has.
func longColumn(view string) string {
	if view == "findings" {
		return "summary"
	}
	return ""
}

// facilityCell is a facility for people: its id, and its name beside it.
func facilityCell(id, name string) string {
	if name == "" {
		return id
	}
	return id + " (" + safetext.Clip(name, 40) + ")"
}

// shortCell writes a value for people: times to the second, long lists cut short.
func shortCell(s *cmdline.Session, v any) any {
	switch v := v.(type) {
	case time.Time:
		return s.Show(v)
	case events.Refs:
		const most = 3
		texts := refTexts(v[:min(most, len(v))])
		if more := len(v) - most; more > 0 {
			texts = append(texts, fmt.Sprintf("and %d more", more))
		}
		return strings.Join(texts, " ")
	}
	return wholeCell(v)
}

// fullCell writes a value for people, all of it.
func fullCell(s *cmdline.Session, v any) any {
	if t, ok := v.(time.Time); ok && !t.IsZero() {
		return t.In(s.Location()).Format(time.RFC3339Nano)
	}
	return wholeCell(v)
}

// wholeCell writes a value for programs.
func wholeCell(v any) any {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339Nano)
	case events.Refs:
		return strings.Join(refTexts(v), " ")
	case []string:
		return strings.Join(v, " ")
	}
	return v
}

func refTexts(refs events.Refs) []string {
	var texts []string
	for _, ref := range refs {
		texts = append(texts, ref.String())
	}
	return texts
}
