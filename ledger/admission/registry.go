package admission

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/zone"
)

// Registry is what the authorities have declared so far, by leaf order.
type Registry struct {
	Genesis events.Genesis

	authorities map[string]*Authority
	operators   map[string]*Operator
	facilities  map[string]*Facility
	recorders   map[events.Recorder]*Recorder
	tenants     map[tenantName]*Tenant
	keys        map[events.KeyID]*key
	algorithms  []events.Algorithm // that a key may have
	holds       map[holdName]*Hold
	erasures    []Erasure
	persons     []PersonErasure
	mandates    bool    // whether the rule set holds authorities to theirs
	witnesses   *string // the policy that was adopted last; nil: the genesis's
	// continued are recorders whose numbers go on from the tree before this one, as far
	// as their heads have not been taken over yet.
	continued map[events.Recorder]Head
	adopted   *Rules // that take over with the next leaf; nil if none

	// bootstrapping holds until leaf 0 has been judged.
	bootstrapping bool
	newKeys       []events.PublicKey
}

// Authority is an authority as the registry knows it.
type Authority struct {
	Name      string         `json:"authority"`
	Mandate   events.Mandate `json:"mandate"`
	Key       events.KeyID   `json:"keyid"`
	Recovery  events.KeyID   `json:"recoveryKeyid,omitempty"`
	Recipient string         `json:"recipient,omitempty"` // of age
	// RecipientLeaf is the leaf that names the recipient.
	RecipientLeaf uint64 `json:"recipientLeaf,omitempty"`
	// Former are the recipients before it.
	Former     []FormerRecipient `json:"former,omitempty"`
	AdmittedBy string            `json:"admittedBy,omitempty"` // an authority; empty: the genesis
	Leaf       uint64            `json:"leaf"`                 // that admitted it, or last changed its mandate
}

// FormerRecipient is a recipient that an authority has put out of use, and the leaf that named it.
type FormerRecipient struct {
	Recipient string `json:"recipient"`
	Leaf      uint64 `json:"leaf"`
}

// Operator is an operator as the registry knows it.
type Operator struct {
	Name       string `json:"operator"`
	Country    string `json:"country"`
	Suspended  bool   `json:"suspended"`
	AdmittedBy string `json:"admittedBy"` // the authority that admitted it first
	Leaf       uint64 `json:"leaf"`       // that admitted it
}

// Facility is a facility as the registry knows it.
type Facility struct {
	Name        string   `json:"facility"` // its id
	Country     string   `json:"country"`
	Landlord    string   `json:"landlord,omitempty"`
	Occupants   []string `json:"occupants,omitempty"`
	DisplayName string   `json:"name,omitempty"` // for people
	State       string   `json:"state,omitempty"`
	Address     string   `json:"address,omitempty"`
	Regions     []string `json:"regions,omitempty"`
	TimeZone    string   `json:"timeZone,omitempty"` // of the IANA database
	Retired     bool     `json:"retired,omitempty"`
	Leaf        uint64   `json:"leaf"` // that declared or retired it
}

// Zone returns the facility's time zone, whose days are local days there: the one that the registry names, or else
// that of a country with one zone. It returns an error wrapping [zone.ErrUnknown] where neither is known.
func (f *Facility) Zone() (*time.Location, error) {
	name, err := zone.For(f.Country, f.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time zone of facility %s: %w", f.Name, err)
	}
	return zone.Load(name)
}

// Declaration returns what an authority says to declare the facility as it is.
func (f *Facility) Declaration() events.FacilityDeclared {
	return events.FacilityDeclared{
		Facility: f.Name, Country: f.Country, Landlord: f.Landlord, Occupants: f.Occupants,
		Name: f.DisplayName, State: f.State, Address: f.Address, Regions: f.Regions, TimeZone: f.TimeZone,
	}
}

// Recorder is a recorder as the registry knows it.
type Recorder struct {
	Name               string `json:"recorder"`
	Kind               string `json:"kind"`
	AttestEverySeconds int64  `json:"attestEverySeconds,omitempty"`
	Signatures         int    `json:"signatures"` // demanded of an envelope
	Retired            bool   `json:"retired,omitempty"`
	Leaf               uint64 `json:"leaf"` // that declared or retired it
}

type key struct {
	public    events.PublicKey
	party     string
	recovery  bool // signs nothing but the rotation of its authority's key
	revoked   bool
	revokedBy uint64
}

// holdName is the authority that placed a legal hold, and the number that it gave it.
type holdName struct{ by, number string }

// ledgerParty is the party of the ledger's own event key.
const ledgerParty = ""

// newRegistry reads the genesis and the rules that it names.
func newRegistry(genesis *events.Event) (*Registry, *Rules, error) {
	if !events.IsGenesis(genesis.Type) {
		return nil, nil, fmt.Errorf("an event of type %s: want %s", genesis.Type, events.TypeGenesis)
	}
	r := &Registry{
		authorities: map[string]*Authority{}, operators: map[string]*Operator{}, facilities: map[string]*Facility{},
		recorders: map[events.Recorder]*Recorder{}, tenants: map[tenantName]*Tenant{}, keys: map[events.KeyID]*key{}, holds: map[holdName]*Hold{}, continued: map[events.Recorder]Head{}, bootstrapping: true,
	}
	if err := json.Unmarshal(genesis.Data, &r.Genesis); err != nil {
		return nil, nil, err
	}
	digest, err := events.ParseDigest(r.Genesis.Ruleset)
	if err != nil {
		return nil, nil, err
	}
	rules, err := Load(digest)
	if err != nil {
		return nil, nil, err
	}
	r.follow(rules)
	if len(r.Genesis.Authorities) == 0 {
		return nil, nil, errors.New("it names no authority")
	}
	if _, err := r.addKey(r.Genesis.LedgerKey, ledgerParty); err != nil {
		return nil, nil, fmt.Errorf("the ledger's event key: %w", err)
	}
	for _, a := range r.Genesis.Authorities {
		if r.authorities[a.Authority] != nil {
			return nil, nil, fmt.Errorf("authority %s stands there twice", a.Authority)
		}
		if err := r.nameAuthority(a); err != nil {
			return nil, nil, fmt.Errorf("authority %s: %w", a.Authority, err)
		}
	}
	return r, rules, nil
}

// nameAuthority takes an authority from the genesis.
func (r *Registry) nameAuthority(g events.GenesisMandate) error {
	a := &Authority{Name: g.Authority, Mandate: g.Mandate, Recipient: g.Recipient}
	party := events.RegistryRecorder(g.Authority).Party()
	k, err := r.addKey(g.Key, party)
	if err != nil {
		return err
	}
	a.Key = k.public.ID()
	if g.RecoveryKey != "" {
		if k, err = r.addKey(g.RecoveryKey, party); err != nil {
			return fmt.Errorf("recovery key: %w", err)
		}
		k.recovery, a.Recovery = true, k.public.ID()
	}
	r.authorities[g.Authority] = a
	return nil
}

// follow takes from a rule set what it says of the registry.
func (r *Registry) follow(rules *Rules) {
	r.algorithms, r.mandates = rules.algorithms, rules.has(codeOutsideMandate)
}

// parseKey reads a key of an algorithm that the rule set has.
func (r *Registry) parseKey(text string) (events.PublicKey, error) {
	public, err := events.ParsePublicKey(text)
	if err == nil && !slices.Contains(r.algorithms, public.Algorithm()) {
		return events.PublicKey{}, fmt.Errorf("public key: this ledger's rule set has no keys of %s", public.Algorithm())
	}
	return public, err
}

func (r *Registry) addKey(text, party string) (*key, error) {
	public, err := r.parseKey(text)
	if err != nil {
		return nil, err
	}
	if r.keys[public.ID()] != nil {
		return nil, fmt.Errorf("key %.12s is registered already", public.ID())
	}
	k := &key{public: public, party: party}
	r.keys[public.ID()] = k
	return k, nil
}

// Authorities returns the authorities in no particular order.
func (r *Registry) Authorities() []Authority { return values(r.authorities) }

// Operators returns the operators in no particular order.
func (r *Registry) Operators() []Operator { return values(r.operators) }

// Facilities returns the facilities in no particular order.
func (r *Registry) Facilities() []Facility { return values(r.facilities) }

// Recorders returns the recorders in no particular order.
func (r *Registry) Recorders() []Recorder { return values(r.recorders) }

func values[K comparable, V any](m map[K]*V) []V {
	all := make([]V, 0, len(m))
	for _, v := range m {
		all = append(all, *v)
	}
	return all
}

// PartyKey is a key that a party signs with, or did.
type PartyKey struct {
	ID        events.KeyID     `json:"keyid"`
	Algorithm events.Algorithm `json:"algorithm"`
	// RevokedBy is the leaf that ended it; 0 while it counts.
	RevokedBy uint64 `json:"revokedBy,omitempty"`
}

// KeysOf returns the keys that a party signs with, or did, by their ids.
func (r *Registry) KeysOf(party string) []PartyKey {
	var all []PartyKey
	for id, k := range r.keys {
		if k.party == party && !k.recovery {
			all = append(all, PartyKey{ID: id, Algorithm: k.public.Algorithm(), RevokedBy: k.revokedBy})
		}
	}
	slices.SortFunc(all, func(a, b PartyKey) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return all
}

// PublicKey returns a key that was ever registered, revoked ones too.
func (r *Registry) PublicKey(id events.KeyID) (events.PublicKey, bool) {
	k := r.keys[id]
	if k == nil {
		return events.PublicKey{}, false
	}
	return k.public, true
}

// KeyOwner returns the party whose key this is, and whether it is still valid.
func (r *Registry) KeyOwner(id events.KeyID) (party string, valid, known bool) {
	k := r.keys[id]
	if k == nil {
		return "", false, false
	}
	return k.party, !k.revoked, true
}
