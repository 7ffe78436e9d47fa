package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

func readerCommand() *cli.Command {
	return &cli.Command{
		Name: "reader", Usage: "let in, suspend, readmit and list those who read", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "let a reader in by its request, and write the grant for it", ArgsUsage: "REQUEST",
				Description: "Again with other flags, it changes what the reader sees, at once. It never sees more than the authority whose\n" +
					"reader it is. One that is bounded to customers, and every one of another authority's, reads feeds over HTTP and not\n" +
					"at the broker; saksi watch does the same with either.",
				Flags: []cli.Flag{homeFlag(),
					stringFlag("role", "as `WHAT` it reads: supervisor (bodies too), analyst (no bodies), auditor (bodies and proofs) or customer (rows that touch its own; needs --tenant)"),
					&cli.StringSliceFlag{Name: "facility", Usage: "only rows of this `FACILITY`; may be repeated", EnvVars: env("facility")},
					&cli.StringSliceFlag{Name: "operator", Usage: "only rows of this `OPERATOR`; may be repeated", EnvVars: env("operator")},
					&cli.StringSliceFlag{Name: "family", Usage: "only rows of this `FAMILY` of events (access, facility, attestation); may be repeated", EnvVars: env("family")},
					&cli.StringSliceFlag{Name: "sector", Usage: "only rows of customers of this `SECTOR`; may be repeated", EnvVars: env("sector")},
					&cli.StringSliceFlag{Name: "tenant", Usage: "only rows of this customer, by its `ALIAS` or OPERATOR/ALIAS; may be repeated", EnvVars: env("tenant")},
					&cli.StringFlag{Name: "authority", Usage: "let it in for this `AUTHORITY` with a seat, within whose mandate it stays", EnvVars: env("authority")},
					&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the grant to `FILE`"},
					unknownFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: addReader,
			},
			readerAct("suspend", "let a reader in nowhere, and cut its connections", (*authority.Readership).Suspend),
			readerAct("readmit", "end a suspension", (*authority.Readership).Readmit),
			{Name: "list", Usage: "list readers", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: listReaders},
		},
	}
}

func addReader(c *cli.Context) error {
	args, err := arguments(c, "REQUEST")
	if err != nil {
		return err
	}
	if err := required(c, "home", "role", "output"); err != nil {
		return err
	}
	role := home.ReaderRole(c.String("role"))
	if !role.Valid() {
		return usage("--role %s: want supervisor, analyst, auditor or customer", role)
	}
	mandate := home.ReadingMandate{
		Role: role, Facilities: c.StringSlice("facility"), Operators: c.StringSlice("operator"), Families: c.StringSlice("family"),
		Sectors: c.StringSlice("sector"), Tenants: c.StringSlice("tenant"), Authority: c.String("authority"),
	}
	switch {
	case role == home.Customer && len(mandate.Tenants) == 0:
		return usage("--role customer needs --tenant: it sees what touches its own")
	case role == home.Customer && len(mandate.Sectors) > 0:
		return usage("--role customer has no --sector: it sees what touches its own, and a sector is more")
	}
	if err := knownFamilies(mandate.Families); err != nil {
		return err
	}
	request, err := home.ReadRequest(args[0])
	if err != nil {
		return err
	}
	if err := named(c, c.StringSlice("operator"), c.StringSlice("facility")); err != nil {
		return err
	}
	if err := namedCustomers(c, mandate.Tenants, mandate.Authority); err != nil {
		return err
	}
	return readership(c, func(ctx context.Context, r *authority.Readership) error {
		grant, err := r.Add(ctx, request, mandate)
		if err != nil {
			return err
		}
		if err := home.WriteJSON(c.String("output"), grant, 0o644); err != nil {
			return err
		}
		return result{
			document: map[string]any{"reader": grant.Name, "role": role, "grant": c.String("output")},
			rows:     [][]any{{"reader", grant.Name}, {"role", role}, {"grant", c.String("output")}},
			note:     "Give the grant to the reader. Nothing in it is secret.",
		}.print(c)
	})
}

func readerAct(name, use string, act func(*authority.Readership, context.Context, string) error) *cli.Command {
	return &cli.Command{
		Name: name, Usage: use, ArgsUsage: "READER",
		Flags: []cli.Flag{homeFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "READER")
			if err != nil {
				return err
			}
			return readership(c, func(ctx context.Context, r *authority.Readership) error {
				if err := act(r, ctx, args[0]); err != nil {
					return err
				}
				return result{
					document: map[string]any{"reader": args[0], "suspended": name == "suspend"},
					rows:     [][]any{{"reader", args[0]}, {"state", readerState(name == "suspend")}},
				}.print(c)
			})
		},
	}
}

// readership runs f with the authority's register of readers.
func readership(c *cli.Context, f func(context.Context, *authority.Readership) error) error {
	if err := required(c, "home"); err != nil {
		return err
	}
	h, err := home.OpenAuthority(homeOf(c))
	if err != nil {
		return err
	}
	r, err := authority.OpenReadership(h)
	if err != nil {
		return err
	}
	ctx, cancel := withTimeout(c)
	defer cancel()
	return f(ctx, r)
}

func listReaders(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	if err := required(c, "home"); err != nil {
		return err
	}
	h, err := home.OpenAuthority(homeOf(c))
	if err != nil {
		return err
	}
	readers, err := h.Readers().All()
	if err != nil {
		return err
	}
	if readers == nil {
		readers = []home.EnrolledReader{}
	}
	out := result{document: readers, columns: []string{"reader", "role", "state", "facilities", "operators", "families", "customers", "of", "added"}}
	for _, r := range readers {
		out.rows = append(out.rows, []any{
			r.Name, r.Role, readerState(r.Suspended), orAll(r.Facilities), orAll(r.Operators), orAll(r.Families), customers(r), cmp.Or(r.Authority, h.Name), r.Added.Format(time.DateOnly),
		})
	}
	return out.print(c)
}

func readerState(suspended bool) string {
	if suspended {
		return "suspended"
	}
	return "active"
}

// customers says in a line to which customers a reader is bounded.
func customers(r home.EnrolledReader) string {
	names := slices.Clone(r.Tenants)
	for _, sector := range r.Sectors {
		names = append(names, "sector "+sector)
	}
	return orAll(names)
}

func orAll(names []string) string {
	if len(names) == 0 {
		return "all"
	}
	return strings.Join(names, " ")
}
