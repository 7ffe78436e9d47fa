package node

import (
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections/api"
	"slices"
	"strings"
)

// register knows who may ask over HTTP: the readers that the authority has let in,
// and operators and authorities, by the keys that the ledger's registry has of them.
type register struct {
	readers *home.Readers
	ledger  *ledger.Ledger
}

// Grantee implements [token.Register].
func (r *register) Grantee(name string, id events.KeyID) (token.Entry, bool, error) {
	reader, found, err := r.readers.ByKeyID(id)
	if err != nil {
		return token.Entry{}, false, err
	}
	if found && reader.Name == name {
		key, err := reader.PublicKey()
		return token.Entry{
			Grantee: token.Grantee{Name: reader.Name, Role: token.Role(reader.Role), Facilities: reader.Facilities, Operators: reader.Operators},
			Key:     key, Suspended: reader.Suspended,
		}, err == nil, err
	}
	entry, found := r.operator(name, id)
	if !found {
		entry, found = r.authority(name, id)
	}
	return entry, found, nil
}

// authority lets an authority with a seat read what is in its mandate, by the key that
// the registry has of it. A mandate that is bounded to sectors or customers, or has no
// access events in it, lets it read nothing here: views can't be cut so yet.
func (r *register) authority(name string, id events.KeyID) (entry token.Entry, found bool) {
	r.ledger.Registry(func(registry *admission.Registry) {
		for _, a := range registry.Authorities() {
			m := a.Mandate
			if a.Name != name || a.Key != id || !m.HasFamily("access") || len(m.Sectors) > 0 || len(m.Tenants) > 0 {
				continue
			}
			entry.Grantee = token.Grantee{Name: name, Role: token.Supervisor}
			if !m.HasFacility(events.All) {
				entry.Grantee.Facilities = m.Facilities
			}
			entry.Key, found = registry.PublicKey(id)
		}
	})
	return entry, found
}

// authoritiesOf returns what the API says of authorities.
func authoritiesOf(l *ledger.Ledger) func() []api.Authority {
	return func() (out []api.Authority) {
		l.Registry(func(registry *admission.Registry) {
			for _, a := range registry.Authorities() {
				out = append(out, api.Authority{Name: a.Name, Mandate: a.Mandate, Recipient: a.Recipient, Leaf: a.RecipientLeaf})
			}
		})
		slices.SortFunc(out, func(a, b api.Authority) int { return strings.Compare(a.Name, b.Name) })
		return out
	}
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
