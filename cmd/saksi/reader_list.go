package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ops/home"
)

type readerListInput struct{ atHome }

func readerList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "reader list", Roles: []string{regulator},
		Summary:  "list readers, and what each may see",
		Examples: []string{"saksi reader list --home authority", "saksi reader list --json"},
	}, func(in *readerListInput, f *cmdline.Flags) {
		in.atHome.bind(f)
		f.Zone()
	}, runReaderList)
}

func runReaderList(_ context.Context, s *cmdline.Session, in *readerListInput) (*cmdline.Result, error) {
	h, err := home.OpenAuthority(in.home)
	if err != nil {
		return nil, err
	}
	readers, err := h.Readers().All()
	if err != nil {
		return nil, err
	}
	if readers == nil {
		readers = []home.EnrolledReader{}
	}
	out := &cmdline.Result{
		Document: readers, Columns: []string{"reader", "role", "state", "facilities", "operators", "families", "customers", "of", "added"},
		Collapsible: []string{"families", "of", "operators"},
	}
	for _, r := range readers {
		out.Rows = append(out.Rows, []any{
			r.Name, r.Role, readerState(r.Suspended), orAll(r.Facilities), orAll(r.Operators), orAll(r.Families), customersOf(r),
			cmp.Or(r.Authority, h.Name), r.Added.In(s.Location()).Format(time.DateOnly),
		})
	}
	return out, nil
}

// customersOf writes in a line which customers a reader is limited to.
func customersOf(r home.EnrolledReader) string {
	list := slices.Clone(r.Tenants)
	for _, sector := range r.Sectors {
		list = append(list, "sector "+sector)
	}
	return orAll(list)
}
