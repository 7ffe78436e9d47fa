package main

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
)

// registry reads the registry of the authority's ledger, whether its node runs or
// not.
func registry(c *cli.Context) (*admission.Registry, error) {
	if _, err := arguments(c); err != nil {
		return nil, err
	}
	if err := required(c, "home"); err != nil {
		return nil, err
	}
	h, err := home.OpenAuthority(homeOf(c))
	if err != nil {
		return nil, err
	}
	r, err := writer.ReadRegistry(h.LedgerDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil, hinted{errors.New("the registry can't be read before the node has run once"), "start it with saksi up --home " + homeOf(c)}
	}
	return r, err
}

func listOperators(c *cli.Context) error {
	r, err := registry(c)
	if err != nil {
		return err
	}
	all := r.Operators()
	slices.SortFunc(all, func(a, b admission.Operator) int { return cmp.Compare(a.Name, b.Name) })
	out := result{document: all, columns: []string{"operator", "country", "suspended", "leaf"}}
	for _, o := range all {
		out.rows = append(out.rows, []any{o.Name, o.Country, yesNo(o.Suspended), o.Leaf})
	}
	return out.print(c)
}

func listFacilities(c *cli.Context) error {
	r, err := registry(c)
	if err != nil {
		return err
	}
	all := r.Facilities()
	slices.SortFunc(all, func(a, b admission.Facility) int { return cmp.Compare(a.Name, b.Name) })
	out := result{document: all, columns: []string{"facility", "name", "country", "state", "regions", "time zone", "landlord", "leaf"}, spare: []string{"regions", "landlord", "time zone", "state"}}
	for _, f := range all {
		out.rows = append(out.rows, []any{f.Name, f.DisplayName, f.Country, f.State, strings.Join(f.Regions, " "), f.TimeZone, f.Landlord, f.Leaf})
	}
	return out.print(c)
}

func listRecorders(c *cli.Context) error {
	r, err := registry(c)
	if err != nil {
		return err
	}
	all := r.Recorders()
	slices.SortFunc(all, func(a, b admission.Recorder) int { return cmp.Compare(a.Name, b.Name) })
	out := result{document: all, columns: []string{"recorder", "kind", "attests every", "signatures", "leaf"}}
	for _, r := range all {
		every := "never"
		if r.AttestEverySeconds > 0 {
			every = (time.Duration(r.AttestEverySeconds) * time.Second).String()
		}
		out.rows = append(out.rows, []any{r.Name, r.Kind, every, r.Signatures, r.Leaf})
	}
	return out.print(c)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
