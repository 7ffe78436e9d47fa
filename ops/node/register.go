package node

import (
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections/api"
	"slices"
	"strings"
)

// register knows who may ask over HTTP: the readers that the authority has let in,
// and operators and authorities, by the keys that the ledger's registry has of them.
// What it says of them holds at the moment: a mandate that changes in the registry, or a
// customer that gets a sector, counts at the next question.
type register struct {
	owner   string // the authority whose node this is
	readers *home.Readers
	ledger  *writer.Ledger
}

// Grantee implements [token.Register].
func (r *register) Grantee(name string, id events.KeyID) (token.Entry, bool, error) {
	reader, found, err := r.readers.ByKeyID(id)
	if err != nil {
		return token.Entry{}, false, err
	}
	if found && reader.Name == name {
		return r.reader(reader)
	}
	entry, found := r.operator(name, id)
	if !found {
		entry, found = r.authority(name, id)
	}
	return entry, found, nil
}

// reader lets a reader read what is in its mandate and in that of the authority whose
// reader it is.
func (r *register) reader(reader home.EnrolledReader) (entry token.Entry, found bool, err error) {
	entry = token.Entry{
		Grantee: token.Grantee{
			Name: reader.Name, Role: token.Role(reader.Role),
			Facilities: reader.Facilities, Operators: reader.Operators, Families: reader.Families,
		},
		Suspended: reader.Suspended,
	}
	if entry.Key, err = reader.PublicKey(); err != nil {
		return token.Entry{}, false, err
	}
	of := reader.Authority
	if of == "" {
		of = r.owner
	}
	r.ledger.Registry(func(registry *admission.Registry) {
		if reader.ToCustomers() {
			entry.Customers = registry.Customers(events.Mandate{Sectors: reader.Sectors, Tenants: reader.Tenants})
		}
		for _, a := range registry.Authorities() {
			if a.Name != of {
				continue
			}
			found = true
			if b := boundsOf(registry, a.Mandate); !b.None() {
				entry.Within = []token.Bounds{b}
			}
		}
	})
	return entry, found, nil
}

// authority lets a member authority read what is in its mandate, by the key that
// the registry has of it.
func (r *register) authority(name string, id events.KeyID) (entry token.Entry, found bool) {
	r.ledger.Registry(func(registry *admission.Registry) {
		for _, a := range registry.Authorities() {
			if a.Name != name || a.Key != id {
				continue
			}
			entry.Grantee = token.Grantee{Name: name, Role: token.Supervisor}
			if b := boundsOf(registry, a.Mandate); !b.None() {
				entry.Within = []token.Bounds{b}
			}
			entry.Key, found = registry.PublicKey(id)
		}
	})
	return entry, found
}

// authoritiesOf returns what the API says of authorities.
func authoritiesOf(l *writer.Ledger) func() []api.Authority {
	return func() (out []api.Authority) {
		l.Registry(func(registry *admission.Registry) {
			for _, a := range registry.Authorities() {
				one := api.Authority{Name: a.Name, Mandate: a.Mandate, Recipient: a.Recipient, Leaf: a.RecipientLeaf}
				for _, f := range a.Former {
					one.Former = append(one.Former, api.FormerRecipient(f))
				}
				out = append(out, one)
			}
		})
		slices.SortFunc(out, func(a, b api.Authority) int { return strings.Compare(a.Name, b.Name) })
		return out
	}
}

// boundsOf returns what a mandate leaves, as the registry stands.
func boundsOf(registry *admission.Registry, m events.Mandate) token.Bounds {
	var b token.Bounds
	if !m.HasFacility(events.All) {
		b.Facilities = m.Facilities
	}
	if !m.HasFamily(events.All) {
		b.Families = m.Families
	}
	if m.ToCustomers() {
		b.Customers = registry.Customers(m)
	}
	return b
}

func (r *register) operator(name string, id events.KeyID) (entry token.Entry, found bool) {
	r.ledger.Registry(func(registry *admission.Registry) {
		party, valid, known := registry.KeyOwner(id)
		if !known || !valid || party != name {
			return
		}
		for _, o := range registry.Operators() {
			if o.Name == name {
				key, _ := registry.PublicKey(id)
				entry = token.Entry{Grantee: token.Grantee{Name: name, Role: token.Operator}, Key: key, Suspended: o.Suspended}
				found = true
			}
		}
	})
	return entry, found
}
