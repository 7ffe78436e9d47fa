package main

import (
	"context"
	"errors"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

type readerAddInput struct {
	waiting
	grantInput
	request, role, authority                          string
	facilities, operators, families, sectors, tenants []string
	unknown                                           bool
}

func readerAdd() cmdline.Command {
	return cmdline.New(cmdline.Command{
		Path: "reader add", Roles: []string{regulator},
		Summary: "admit a reader by its request, and write the grant for it",
		Text: "Given again with other flags, it changes what the reader sees, at once. A reader never sees more than the authority that it reads " +
			"for. One that is limited to customers, and any reader of another authority, reads feeds over HTTP and not at the broker; " +
			"saksi watch does the same with either.",
		Examples: []string{
			"saksi reader add --home authority --role supervisor --output desk.grant desk/request.json",
			"saksi reader add --role auditor --facility lab-1 -o audit.grant auditor-request.json",
			"saksi reader add --role customer --tenant bank-03 -o bank.grant bank-request.json",
		},
	}, func(in *readerAddInput, f *cmdline.Flags) {
		f.Argument(&in.request, "REQUEST").File()
		f.String(&in.role, "role", "what it reads, its `ROLE`: supervisor (bodies too), analyst (no bodies), auditor (bodies and proofs) or customer (rows that touch its own; needs --tenant)").
			Required().Complete(cmdline.OneOf("supervisor", "analyst", "auditor", "customer"))
		f.Strings(&in.facilities, "facility", "only rows of this `FACILITY`").Complete(completeNames(aFacility))
		f.Strings(&in.operators, "operator", "only rows of this `OPERATOR`").Complete(completeNames(anOperator))
		f.Strings(&in.families, "family", "only rows of this `FAMILY` of events: access, facility or attestation").Complete(cmdline.OneOf(events.FamilyAccess, events.FamilyFacility, events.FamilyAttestation))
		f.Strings(&in.sectors, "sector", "only rows of customers of this `SECTOR`")
		f.Strings(&in.tenants, "tenant", "only rows of this customer, by its `ALIAS` or OPERATOR/ALIAS").Complete(completeNames(aTenant))
		f.String(&in.authority, "authority", "admit it for this `AUTHORITY`, within whose mandate it stays").Complete(completeNames(anAuthority))
		in.grantInput.bind(f)
		unknownFlag(f, &in.unknown)
		in.waiting.bind(f, registryWait)
	}, runReaderAdd)
}

func runReaderAdd(ctx context.Context, _ *cmdline.Session, in *readerAddInput) (*cmdline.Result, error) {
	role := home.ReaderRole(in.role)
	if !role.Valid() {
		return nil, cmdline.Usage("--role %s: want supervisor, analyst, auditor or customer", role)
	}
	mandate := home.ReadingMandate{
		Role: role, Facilities: in.facilities, Operators: in.operators, Families: in.families, Sectors: in.sectors, Tenants: in.tenants, Authority: in.authority,
	}
	switch {
	case role == home.Customer && len(mandate.Tenants) == 0:
		return nil, cmdline.Usage("--role customer needs --tenant: it sees what touches its own")
	case role == home.Customer && len(mandate.Sectors) > 0:
		return nil, cmdline.Usage("--role customer has no --sector: it sees what touches its own, and a sector is more")
	}
	if err := knownFamilies(mandate.Families); err != nil {
		return nil, err
	}
	request, err := home.ReadRequest(in.request)
	if err != nil {
		return nil, err
	}
	known := names{in.home, in.unknown}
	if err := errors.Join(known.check(anOperator, in.operators...), known.check(aFacility, in.facilities...),
		known.check(aTenant, in.tenants...), known.check(anAuthority, in.authority)); err != nil {
		return nil, err
	}
	return in.readership(ctx, func(ctx context.Context, _ *home.Authority, r *authority.Readership) (*cmdline.Result, error) {
		grant, err := r.Add(ctx, request, mandate)
		if err != nil {
			return nil, err
		}
		note, err := in.write(grant)
		if err != nil {
			return nil, err
		}
		out := cmdline.Pairs(map[string]any{"reader": grant.Name, "role": role, "grant": in.output},
			"reader", grant.Name, "role", role, "grant", in.output)
		out.Note = "Give the grant to the reader. Nothing in it is secret." + note
		return out, nil
	})
}
