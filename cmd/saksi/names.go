package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/saksi-ledger/saksi/cmd/internal/cmdline"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/hint"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/views"
	"github.com/saksi-ledger/saksi/schemas"
)

// unknownFlag lets names through that the registry doesn't have.
func unknownFlag(f *cmdline.Flags, to *bool) {
	f.Bool(to, "unknown", "take names of operators, facilities and customers that the registry doesn't have yet")
}

// readRegistry reads the registry of the authority's ledger, whether its node runs or
// not.
func readRegistry(dir string) (*admission.Registry, error) {
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return nil, err
	}
	r, err := writer.ReadRegistry(h.LedgerDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil, hint.With(errors.New("the registry can't be read before the node has run once"), "start it with saksi up --home "+dir)
	}
	return r, err
}

// kind is a kind of name that the registry or the authority's home knows.
type kind string

const (
	anOperator  kind = "operator"
	aFacility   kind = "facility"
	aRecorder   kind = "recorder"
	aTenant     kind = "tenant"
	anAuthority kind = "authority"
	aReader     kind = "reader"
)

// namesOf returns all names of a kind.
func namesOf(r *admission.Registry, k kind) []string {
	var names []string
	switch k {
	case anOperator:
		for _, o := range r.Operators() {
			names = append(names, o.Name)
		}
	case aFacility:
		for _, f := range r.Facilities() {
			names = append(names, f.Name)
		}
	case aRecorder:
		for _, one := range r.Recorders() {
			names = append(names, one.Name)
		}
	case aTenant:
		for _, t := range r.Tenants() {
			if t.Operator != "" {
				names = append(names, t.Operator+"/"+t.Name)
			} else {
				names = append(names, t.Name)
			}
		}
	case anAuthority:
		for _, a := range r.Authorities() {
			names = append(names, a.Name)
		}
	}
	return names
}

// names are names on a command line, to be looked up.
type names struct {
	dir     string
	unknown bool // take those that the registry doesn't have
}

// check looks names up in the registry. A name that was mistyped would be refused by
// nobody, and mean nothing. Where the registry is on another's machine, or can't be
// read, it says nothing: what needs the registry more will say so.
func (n names) check(k kind, list ...string) error {
	if n.unknown {
		return nil
	}
	if _, err := home.OpenMemberAuthority(n.dir); err == nil {
		return nil
	}
	h, err := home.OpenAuthority(n.dir)
	if err != nil {
		return err
	}
	r, err := writer.ReadRegistry(h.LedgerDir())
	if err != nil {
		return nil
	}
	for _, name := range list {
		if name == "" {
			continue
		}
		if k == aTenant {
			operator, alias, full := strings.Cut(name, "/")
			if !full {
				operator, alias = "", name
			}
			if _, ok := r.Tenant(operator, alias); ok {
				continue
			}
		}
		if err := unknownName(k, name, namesOf(r, k), "; --unknown lets the name through"); err != nil {
			return err
		}
	}
	return nil
}

// unknownName returns an error if a name is not among those that are known.
func unknownName(k kind, name string, known []string, more string) error {
	for _, one := range known {
		if one == name {
			return nil
		}
	}
	do := fmt.Sprintf("saksi %s list lists them%s", k, more)
	if asked := hint.DidYouMean(name, known); asked != "" {
		do = asked + " " + do
	}
	return hint.With(fmt.Errorf("the registry has no %s %q", k, name), do)
}

// recorderParts checks the operator and the facility in a recorder's full name.
func (n names) recorderParts(name string) error {
	parts := strings.Split(name, "/")
	if len(parts) != 3 {
		return hint.With(cmdline.Usage("%q is no recorder's name", name), "want OPERATOR/FACILITY/RECORDER, such as nimbus-my/lab-1/badges")
	}
	if err := n.check(anOperator, parts[0]); err != nil {
		return err
	}
	return n.check(aFacility, parts[1])
}

// completeNames offers the names of a kind, where the home has the registry.
func completeNames(k kind) cmdline.Values {
	return func(so cmdline.Partial) []cmdline.Candidate {
		var list []cmdline.Candidate
		for _, name := range knownAt(so.Home, k) {
			list = append(list, cmdline.Candidate{Value: name, About: string(k)})
		}
		return list
	}
}

// knownAt returns the names of a kind that a home knows; none where it doesn't.
func knownAt(dir string, k kind) []string {
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return nil
	}
	if k == aReader {
		readers, err := h.Readers().All()
		if err != nil {
			return nil
		}
		var list []string
		for _, r := range readers {
			list = append(list, r.Name)
		}
		return list
	}
	r, err := writer.ReadRegistry(h.LedgerDir())
	if err != nil {
		return nil
	}
	return namesOf(r, k)
}

// completeTypes offers types of events.
func completeTypes(cmdline.Partial) []cmdline.Candidate {
	list := []cmdline.Candidate{{Value: "asyncapi", About: "the document of all subjects"}}
	for _, t := range schemas.Types() {
		list = append(list, cmdline.Candidate{Value: t})
	}
	return list
}

func viewNames() []string {
	var list []string
	for _, v := range views.All() {
		list = append(list, v.Name)
	}
	return list
}

// completeViews offers views.
func completeViews(cmdline.Partial) []cmdline.Candidate {
	var list []cmdline.Candidate
	for _, v := range views.All() {
		list = append(list, cmdline.Candidate{Value: v.Name})
	}
	return list
}

// viewColumns returns the columns of a view, for completion: of the store in a home.
func viewColumns(dir, view string) []projections.Column {
	h, err := home.OpenAuthority(dir)
	if err != nil {
		return nil
	}
	store, err := viewstore.Open(context.Background(), h)
	if err != nil {
		return nil
	}
	defer store.Close()
	columns, err := store.Columns(view)
	if err != nil {
		return nil
	}
	return columns
}

// kindOfColumn is the kind of name that a column of that name has.
func kindOfColumn(column string) (kind, bool) {
	switch column {
	case "facility":
		return aFacility, true
	case "operator":
		return anOperator, true
	case "recorder":
		return aRecorder, true
	}
	return "", false
}

// completeConditions offers columns, and the values of those that the registry knows.
func completeConditions(view func(cmdline.Partial) string) cmdline.Values {
	return func(so cmdline.Partial) []cmdline.Candidate {
		var list []cmdline.Candidate
		if column, _, ok := strings.Cut(so.Word, "="); ok {
			if k, ok := kindOfColumn(column); ok {
				for _, name := range knownAt(so.Home, k) {
					list = append(list, cmdline.Candidate{Value: column + "=" + name, About: string(k)})
				}
			}
			return list
		}
		for _, c := range viewColumns(so.Home, view(so)) {
			list = append(list, cmdline.Candidate{Value: c.Name + "=", About: c.Doc})
		}
		return list
	}
}

// completeColumns offers the next column of a list with commas.
func completeColumns(so cmdline.Partial) []cmdline.Candidate {
	if len(so.Arguments) == 0 {
		return nil
	}
	before := so.Word[:strings.LastIndex(so.Word, ",")+1]
	var list []cmdline.Candidate
	for _, c := range viewColumns(so.Home, so.Arguments[0]) {
		list = append(list, cmdline.Candidate{Value: before + c.Name, About: c.Doc})
	}
	return list
}
