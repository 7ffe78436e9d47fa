package main

import (
	"context"
	"fmt"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
)

type findingInput struct {
	atHome
	finding string
}

func findingShow() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "finding show", Roles: []string{regulator},
		Summary: "show all that is known of a finding",
		Examples: []string{
			"saksi finding show --home authority sequence-gap/nimbus-my/lab-1/badges/1/4",
			"saksi finding show --json sequence-gap/nimbus-my/lab-1/badges/1/4",
		},
	}, func(in *findingInput, f *cmdline.Flags) {
		f.Argument(&in.finding, "FINDING").Complete(completeFindings)
		in.atHome.bind(f)
		f.Zone()
	}, runFindingShow)
}

func runFindingShow(ctx context.Context, s *cmdline.Session, in *findingInput) (*cmdline.Result, error) {
	page, err := oneFinding(ctx, in.home, in.finding)
	if err != nil {
		return nil, err
	}
	out := &cmdline.Result{Document: page.Rows[0]}
	cells := page.Rows[0].Cells()
	for _, column := range page.Columns {
		if value := fullCell(s, cells[column.Name]); value != nil && value != "" {
			out.Rows = append(out.Rows, cmdline.Pair(column.Name, value))
		}
	}
	return out, nil
}

const findingsHint = "saksi view --columns id,summary findings shows them"

// oneFinding reads a finding from the views of a node's home.
func oneFinding(ctx context.Context, dir, id string) (projections.Page, error) {
	var page projections.Page
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return page, err
	}
	store, err := viewstore.Open(ctx, h)
	if err != nil {
		return page, err
	}
	defer store.Close()
	condition, err := projections.ParseCondition("id=" + id)
	if err != nil {
		return page, cmdline.WithStatus(cmdline.WrongUsage, err)
	}
	page, err = store.Rows(ctx, "findings", projections.Query{Where: []projections.Condition{condition}, Limit: 1})
	if err == nil && len(page.Rows) == 0 {
		err = hint.With(fmt.Errorf("there is no finding %q", id), findingsHint)
	}
	return page, err
}

// completeFindings offers the findings that are not resolved, the newest first.
func completeFindings(so cmdline.Partial) []cmdline.Candidate {
	h, err := home.OpenAuthority(so.Home)
	if err != nil {
		return nil
	}
	ctx := context.Background()
	store, err := viewstore.Open(ctx, h)
	if err != nil {
		return nil
	}
	defer store.Close()
	page, err := store.Rows(ctx, "findings", projections.Query{Limit: 100})
	if err != nil {
		return nil
	}
	var list []cmdline.Candidate
	for _, row := range page.Rows {
		cells := row.Cells()
		if fmt.Sprint(cells["state"]) != "resolved" {
			list = append(list, cmdline.Candidate{Value: fmt.Sprint(cells["id"]), About: fmt.Sprint(cells["summary"])})
		}
	}
	return list
}
