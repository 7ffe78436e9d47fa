package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

func facilityList() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "facility list", Roles: []string{regulator},
		Summary:  "list facilities",
		Examples: []string{"saksi facility list --home authority", "saksi facility list --format csv"},
	}, func(in *atHome, f *cmdline.Flags) { in.bind(f) }, runFacilityList)
}

func runFacilityList(_ context.Context, _ *cmdline.Session, in *atHome) (*cmdline.Result, error) {
	r, err := readRegistry(in.home)
	if err != nil {
		return nil, err
	}
	all := r.Facilities()
	slices.SortFunc(all, func(a, b admission.Facility) int { return cmp.Compare(a.Name, b.Name) })
	out := &cmdline.Result{Document: all, Columns: []string{"facility", "name", "country", "state", "regions", "time zone", "landlord", "leaf"}, Collapsible: []string{"regions", "landlord", "time zone", "state"}}
	for _, f := range all {
		out.Rows = append(out.Rows, []any{f.Name, f.DisplayName, f.Country, f.State, strings.Join(f.Regions, " "), f.TimeZone, f.Landlord, f.Leaf})
	}
	return out, nil
}
