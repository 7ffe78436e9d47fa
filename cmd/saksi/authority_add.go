package main

import (
	"context"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

type authorityAddInput struct {
	waiting
	grantInput
	request, title                         string
	facilities, families, sectors, tenants []string
	unknown                                bool
}

func authorityAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "authority add", Roles: []string{regulator},
		Summary: "admit an authority by its request, within a mandate, and write the grant for it",
		Text: "Given again with other flags, it changes the mandate. The family registry lets the authority say who may publish. Admission " +
			"holds all of an authority's acts to its mandate, where everyone can see it. With --sector or --tenant the mandate is one to " +
			"read: what touches those customers, as saksi tenant add declares them, and nothing else.",
		Examples: []string{
			"saksi authority add --home authority --output energy.grant energy/request.json",
			"saksi authority add --facility lab-1 --family access --title 'Energy Commission' -o energy.grant energy-request.json",
			"saksi authority add --sector banking -o bank.grant central-bank-request.json",
		},
	}, func(in *authorityAddInput, f *cmdline.Flags) {
		f.Argument(&in.request, "REQUEST").File()
		f.Strings(&in.facilities, "facility", "a `FACILITY` within the mandate (default all)").Complete(completeNames(aFacility))
		f.Strings(&in.families, "family", "a `FAMILY` of events within it: access, facility, attestation or registry (default the first three)").
			Complete(cmdline.OneOf(events.FamilyAccess, events.FamilyFacility, events.FamilyAttestation, events.FamilyRegistry))
		f.Strings(&in.sectors, "sector", "only customers of this `SECTOR`")
		f.Strings(&in.tenants, "tenant", "only this customer, by its `ALIAS` or OPERATOR/ALIAS").Complete(completeNames(aTenant))
		f.String(&in.title, "title", "the `NAME` by which the authority is known")
		in.grantInput.bind(f)
		unknownFlag(f, &in.unknown)
		in.waiting.bind(f, registryWait)
	}, runAuthorityAdd)
}

func runAuthorityAdd(ctx context.Context, _ *cmdline.Session, in *authorityAddInput) (*cmdline.Result, error) {
	request, err := home.ReadRequest(in.request)
	if err != nil {
		return nil, err
	}
	mandate := events.Mandate{Facilities: in.facilities, Families: in.families, Sectors: in.sectors, Tenants: in.tenants}
	known := names{in.home, in.unknown}
	if err := known.check(aFacility, mandate.Facilities...); err != nil {
		return nil, err
	}
	if err := known.check(aTenant, mandate.Tenants...); err != nil {
		return nil, err
	}
	if len(mandate.Facilities) == 0 {
		mandate.Facilities = []string{events.All}
	}
	if len(mandate.Families) == 0 {
		mandate.Families = []string{events.FamilyAccess, events.FamilyFacility, events.FamilyAttestation}
	}
	if err := knownFamilies(mandate.Families); err != nil {
		return nil, err
	}
	return in.registrar(ctx, func(ctx context.Context, r *authority.Registrar) (*cmdline.Result, error) {
		grant, leaf, err := r.AddAuthority(ctx, request, in.title, mandate)
		if err != nil {
			return nil, err
		}
		note, err := in.write(grant)
		if err != nil {
			return nil, err
		}
		out := cmdline.Pairs(map[string]any{"authority": grant.Name, "leaf": leaf, "grant": in.output, "mandate": mandate},
			"authority", grant.Name, "leaf", leaf, "mandate", mandateText(mandate), "grant", in.output)
		out.Note = "Give the grant to the authority. Nothing in it is secret." + note
		return out, nil
	})
}

// knownFamilies refuses a family that does not exist.
func knownFamilies(families []string) error {
	all := []string{events.All, events.FamilyAccess, events.FamilyFacility, events.FamilyAttestation, events.FamilyRegistry}
	for _, family := range families {
		if !slices.Contains(all, family) {
			return hint.With(cmdline.Usage("--family %s: want access, facility, attestation, registry or *", family), hint.DidYouMean(family, all))
		}
	}
	return nil
}

// mandateText writes a mandate in a line.
func mandateText(m events.Mandate) string {
	all := func(names []string, everything string) string {
		if slices.Contains(names, events.All) {
			return everything
		}
		return strings.Join(names, ", ")
	}
	text := all(m.Families, "everything") + " at " + all(m.Facilities, "every facility")
	if len(m.Sectors) > 0 {
		text += ", sectors " + strings.Join(m.Sectors, ", ")
	}
	if len(m.Tenants) > 0 {
		text += ", customers " + strings.Join(m.Tenants, ", ")
	}
	return text
}
