package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
)

// unknownFlag lets names through that the registry doesn't have.
func unknownFlag() cli.Flag {
	return &cli.BoolFlag{Name: "unknown", Usage: "names may be of operators and facilities that the registry doesn't have yet"}
}

// named checks that operators and facilities are in the registry. A name that was
// mistyped would be refused by nobody, and mean nothing.
func named(c *cli.Context, operators, facilities []string) error {
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
	known := map[string]bool{}
	for _, o := range r.Operators() {
		known["operator "+o.Name] = true
	}
	for _, f := range r.Facilities() {
		known["facility "+f.Name] = true
	}
	check := func(what, list string, names []string) error {
		for _, name := range names {
			if name != "" && !known[what+" "+name] {
				return hinted{fmt.Errorf("the registry has no %s %q", what, name), list + " lists them; --unknown lets the name through"}
			}
		}
		return nil
	}
	if err := check("operator", "saksi operator list", operators); err != nil {
		return err
	}
	return check("facility", "saksi facility list", facilities)
}
