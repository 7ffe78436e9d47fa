package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
)

func tenantCommand() *cli.Command {
	return &cli.Command{
		Name: "tenant", Usage: "declare customers and their sectors, and list them", Category: "authority",
		Flags: []cli.Flag{homeFlag()},
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "say of which sector a customer is, by the alias that events have", ArgsUsage: "ALIAS",
				Description: "From then on whoever supervises the sector sees what touches the customer, earlier touches too. Operators choose\n" +
					"aliases: with --operator it is said of that operator's alone, and counts before what is said of all. Said again, it\n" +
					"changes the sector.",
				Flags: []cli.Flag{homeFlag(), stringFlag("sector", "the `SECTOR` that supervises it: a code, such as banking"),
					&cli.StringFlag{Name: "operator", Usage: "the only `OPERATOR` whose alias it is; none: every one's"},
					&cli.StringFlag{Name: "country", Usage: "the `COUNTRY` that it is established in"},
					unknownFlag(), timeoutFlag(registryWait), formatFlag(), jsonFlag()},
				Action: addTenant,
			},
			{Name: "list", Usage: "list customers and their sectors", Flags: []cli.Flag{homeFlag(), formatFlag(), jsonFlag()}, Action: listTenants},
		},
	}
}

func addTenant(c *cli.Context) error {
	args, err := arguments(c, "ALIAS")
	if err != nil {
		return err
	}
	if err := required(c, "home", "sector"); err != nil {
		return err
	}
	if err := named(c, []string{c.String("operator")}, nil); err != nil {
		return err
	}
	return registrar(c, func(ctx context.Context, r *authority.Registrar) error {
		leaf, err := r.AddTenant(ctx, events.TenantDeclared{
			Tenant: args[0], Operator: c.String("operator"), Sector: c.String("sector"), Country: c.String("country"),
		})
		if err != nil {
			return err
		}
		return leafResult("tenant", args[0], leaf).print(c)
	})
}

func listTenants(c *cli.Context) error {
	r, err := registry(c)
	if err != nil {
		return err
	}
	all := r.Tenants()
	out := result{document: all, columns: []string{"tenant", "operator", "sector", "country", "leaf"}}
	for _, t := range all {
		out.rows = append(out.rows, []any{t.Name, cmp.Or(t.Operator, "all"), t.Sector, t.Country, t.Leaf})
	}
	return out.print(c)
}

// namedCustomers checks that customers are declared, and an authority admitted. A
// mandate over an alias that nobody declared covers nothing.
func namedCustomers(c *cli.Context, tenants []string, authority string) error {
	if c.Bool("unknown") {
		return nil
	}
	if _, err := home.OpenMemberAuthority(homeOf(c)); err == nil {
		return nil // the registry is on another's machine
	}
	h, err := home.OpenAuthority(homeOf(c))
	if err != nil {
		return err
	}
	r, err := writer.ReadRegistry(h.LedgerDir())
	if err != nil {
		return nil // what needs the registry more than this will say so
	}
	for _, name := range tenants {
		operator, alias, full := strings.Cut(name, "/")
		if !full {
			operator, alias = "", name
		}
		if _, ok := r.Tenant(operator, alias); !ok {
			return hinted{fmt.Errorf("the registry has no tenant %q", name), "saksi tenant list lists them; --unknown lets the name through"}
		}
	}
	for _, a := range r.Authorities() {
		if a.Name == authority || authority == "" {
			return nil
		}
	}
	return hinted{fmt.Errorf("the registry has no authority %q", authority), "saksi authority list lists them; --unknown lets the name through"}
}
