package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
)

func findingCommand() *cli.Command {
	note := &cli.StringFlag{Name: "note", Usage: "a short `NOTE` or reference for the record, without persons"}
	return &cli.Command{
		Name: "finding", Usage: "show, acknowledge and resolve findings", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{Name: "show", Usage: "all that is known of a finding", ArgsUsage: "FINDING", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: showFinding},
			{
				Name: "acknowledge", Usage: "put on record that it was seen", ArgsUsage: "FINDING",
				Flags: []cli.Flag{homeFlag(), note, timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					return settleFinding(c, func(ctx context.Context, r *authority.Registrar, id, facility string) (uint64, error) {
						return r.AcknowledgeFinding(ctx, events.FindingAcknowledged{Finding: id, Facility: facility, Note: c.String("note")})
					})
				},
			},
			{
				Name: "resolve", Usage: "settle it", ArgsUsage: "FINDING",
				Flags: []cli.Flag{homeFlag(), stringFlag("outcome", "`WHAT` came of it: explained, remedied, unfounded, accepted or sanctioned"), note,
					timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: func(c *cli.Context) error {
					if err := required(c, "outcome"); err != nil {
						return err
					}
					return settleFinding(c, func(ctx context.Context, r *authority.Registrar, id, facility string) (uint64, error) {
						return r.ResolveFinding(ctx, events.FindingResolved{
							Finding: id, Facility: facility, Outcome: events.FindingOutcome(c.String("outcome")), Note: c.String("note"),
						})
					})
				},
			},
		},
	}
}

func settleFinding(c *cli.Context, act func(context.Context, *authority.Registrar, string, string) (uint64, error)) error {
	args, err := arguments(c, "FINDING")
	if err != nil {
		return err
	}
	// Its id begins with the rule and the recorder: operator, facility, name.
	parts := strings.Split(args[0], "/")
	if len(parts) < 4 || !events.ValidName(parts[2]) {
		return hinted{usage("%q is no finding's id", args[0]), "saksi view --columns id,summary findings shows them"}
	}
	if _, err := home.OpenAuthority(homeOf(c)); err == nil {
		if _, err := oneFinding(c, args[0]); err != nil {
			return err
		}
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		leaf, err := act(ctx, r, args[0], parts[2])
		if err != nil {
			return err
		}
		return leafResult("finding", args[0], leaf).print(c)
	})
}

func showFinding(c *cli.Context) error {
	args, err := arguments(c, "FINDING")
	if err != nil {
		return err
	}
	page, err := oneFinding(c, args[0])
	if err != nil {
		return err
	}
	out := result{document: page.Rows[0]}
	cells := page.Rows[0].Cells()
	for _, column := range page.Columns {
		if value := viewCell(cells[column.Name], true); value != nil && value != "" {
			out.rows = append(out.rows, []any{column.Name, value})
		}
	}
	return out.print(c)
}

// oneFinding reads a finding from the views of a node's home.
func oneFinding(c *cli.Context, id string) (projections.Page, error) {
	var page projections.Page
	if err := required(c, "home"); err != nil {
		return page, err
	}
	h, err := home.OpenAuthority(homeOf(c))
	if err != nil {
		return page, err
	}
	store, err := viewstore.Open(c.Context, h)
	if err != nil {
		return page, err
	}
	defer store.Close()
	condition, err := projections.ParseCondition("id=" + id)
	if err != nil {
		return page, statusError{exitUsage, err}
	}
	page, err = store.Rows(c.Context, "findings", projections.Query{Where: []projections.Condition{condition}, Limit: 1})
	if err == nil && len(page.Rows) == 0 {
		err = hinted{fmt.Errorf("there is no finding %q", id), "saksi view --columns id,summary findings shows them"}
	}
	return page, err
}
