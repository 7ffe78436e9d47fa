package events

import (
	"slices"
)

// What makes an authority, and what authorities decide for the whole ledger.
const (
	// TypeGenesis is what a new ledger begins with; TypeGenesisV1 what ledgers of before there were several authorities did.
	TypeGenesis           = "saksi.registry.genesis.v2"
	TypeGenesisV1         = "saksi.registry.genesis.v1"
	TypeAuthorityAdmitted = "saksi.registry.authority.admitted.v1"
	TypeAuthorityRotated  = "saksi.registry.authority.key.rotated.v1"
	TypeRecipientRotated  = "saksi.registry.authority.recipient.rotated.v1"
	TypeRulesetAdopted    = "saksi.registry.ruleset.adopted.v1"
	TypeWitnessesAdopted  = "saksi.registry.witnesses.adopted.v1"
	TypePackAdopted       = "saksi.registry.pack.adopted.v1"
	// TypePredecessorAdopted and TypeRecorderContinued are said by a tree that takes the place of another.
	TypePredecessorAdopted = "saksi.registry.predecessor.adopted.v1"
	TypeRecorderContinued  = "saksi.registry.recorder.continued.v1"
)

// IsGenesis reports whether a type is that of leaf 0, of whatever version.
func IsGenesis(eventType string) bool { return nameOf(eventType) == genesisName }

// Genesis is leaf 0: what the ledger is, and who may sign registry events from here on.
type Genesis struct {
	Origin        string           `json:"origin"`       // the tree's name in its checkpoints
	Jurisdiction  string           `json:"jurisdiction"` // country
	Authorities   []GenesisMandate `json:"authorities"`  // the first of them signs
	LedgerKey     string           `json:"ledgerKey"`    // of the ledger's own events: DER SubjectPublicKeyInfo, base64
	LogKey        string           `json:"logKey"`       // C2SP signed-note verifier key
	Ruleset       string           `json:"ruleset"`      // digest of the admission rule set in force
	Retention     Retention        `json:"retention"`
	WitnessPolicy string           `json:"witnessPolicy"`         // C2SP tlog-policy; empty where there are no witnesses
	Predecessor   string           `json:"predecessor,omitempty"` // last checkpoint of the tree before this one
}

// GenesisMandate is an authority, its keys, and what its signature counts for.
type GenesisMandate struct {
	Authority   string  `json:"authority"`
	Key         string  `json:"key"`                   // DER SubjectPublicKeyInfo, base64
	RecoveryKey string  `json:"recoveryKey,omitempty"` // likewise; kept offline, signs nothing but the rotation of Key
	Recipient   string  `json:"recipient,omitempty"`   // of age: age1…
	Mandate     Mandate `json:"mandate"`
}

// Retention is how long bodies are kept, by family, and by verdict for what was rejected: an ISO 8601 duration of
// years, months or days ("P7Y"), or "forever".
type Retention struct {
	Access      string `json:"access"`
	Facility    string `json:"facility"`
	Attestation string `json:"attestation"`
	Registry    string `json:"registry"`
	Rejected    string `json:"rejected"`
	// Disclosures is for those on their stream, and for every copy of them.
	Disclosures string `json:"disclosures,omitempty"`
}

// AuthorityAdmitted gives an authority a voice in the registry, within a mandate. Said again by whoever admitted it,
// it changes the mandate; keys change by rotation alone.
type AuthorityAdmitted struct {
	Authority   string  `json:"authority"`
	Name        string  `json:"name,omitempty"`        // as it is known
	Key         string  `json:"key"`                   // DER SubjectPublicKeyInfo, base64
	RecoveryKey string  `json:"recoveryKey,omitempty"` // likewise; kept offline, signs nothing but the rotation of Key
	Recipient   string  `json:"recipient,omitempty"`   // of age: age1…
	Connection  string  `json:"connection,omitempty"`  // NATS user, a public nkey
	Mandate     Mandate `json:"mandate"`
}

// AuthorityRotated replaces an authority's key from this leaf on. It is signed by the key that it replaces, or by the
// authority's recovery key, which alone may name another recovery key.
type AuthorityRotated struct {
	Authority   string `json:"authority"`
	Key         string `json:"key"`      // the new one: DER SubjectPublicKeyInfo, base64
	Replaces    string `json:"replaces"` // id of the old one
	RecoveryKey string `json:"recoveryKey,omitempty"`
	Reason      string `json:"reason"`
}

// RecipientRotated says to which age recipient everything for an authority's eyes is encrypted from now on.
type RecipientRotated struct {
	Authority string `json:"authority"`
	Recipient string `json:"recipient"`
	Previous  string `json:"previous,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// WitnessesAdopted puts another policy of witnesses in the place of the genesis's, or of the
// one that was adopted before, from the next leaf on.
type WitnessesAdopted struct {
	Policy string `json:"policy"` // https://c2sp.org/tlog-policy; empty: there are no witnesses any more
	Reason string `json:"reason"`
}

// PredecessorAdopted says that what follows is taken over from the registry of the tree before this one, as it stood under
// the checkpoint that the genesis holds. Each act that was taken over names in its subject where that was last said.
type PredecessorAdopted struct {
	Origin  string   `json:"origin"`            // of the tree before this one
	Size    Integer  `json:"size"`              // of it, at the checkpoint that the genesis holds
	Root    string   `json:"root"`              // of it, base64
	Without []string `json:"without,omitempty"` // ids of keys that counted there, and don't here
	Reason  string   `json:"reason"`
}

// RecorderContinued says where a recorder stood in the tree before this one: its numbers and its chain of manifests go on
// from there.
type RecorderContinued struct {
	Recorder    string  `json:"recorder"`    // operator/facility/recorder
	Incarnation Integer `json:"incarnation"` // that it was in
	Last        Integer `json:"last"`        // the last number that was accepted of it
	Manifest    string  `json:"manifest"`    // digest of the manifest that has it
	Leaf        Integer `json:"leaf"`        // of the tree before this one, at which that was accepted
}

// RulesetAdopted lets messages be admitted by another rule set from the next leaf on.
type RulesetAdopted struct {
	Ruleset string `json:"ruleset"` // digest
	Reason  string `json:"reason,omitempty"`
}

// PackAdopted lets a rule pack raise findings.
type PackAdopted struct {
	Pack      string `json:"pack"` // its id
	Version   string `json:"version"`
	Digest    string `json:"digest"`
	Effective Time   `json:"effective,omitzero"` // zero: from this leaf on
}

// Mandate bounds what an authority may see and do: to facilities and families of events ("*" is all of them), and,
// where either is named, to customers: those of these sectors, and these ones. A customer is an alias, which the
// registry gives a sector ([TenantDeclared]), or one operator's alias, as nimbus-my/bank-03.
type Mandate struct {
	Facilities []string `json:"facilities"`
	Families   []string `json:"families"`
	Sectors    []string `json:"sectors,omitempty"`
	Tenants    []string `json:"tenants,omitempty"` // customers' aliases
}

// The families of events. FamilyRegistry is that of whoever may say who else may speak.
const (
	FamilyAccess      = "access"
	FamilyFacility    = "facility"
	FamilyAttestation = "attestation"
	FamilyRegistry    = "registry"
)

// All in a mandate's facilities or families is every one of them.
const All = "*"

// HasFamily reports whether a family of events is within the mandate.
func (m Mandate) HasFamily(family string) bool { return covers(m.Families, family) }

// HasFacility reports whether a facility is within the mandate; for [All], whether every one is.
func (m Mandate) HasFacility(facility string) bool { return covers(m.Facilities, facility) }

// ToCustomers reports whether the mandate is bounded to customers. What names none is then outside of it.
func (m Mandate) ToCustomers() bool { return len(m.Sectors) > 0 || len(m.Tenants) > 0 }

// Covers reports whether all of another mandate is within m, whatever sectors customers have or may get: a customer
// is within a sector's mandate only by that sector.
func (m Mandate) Covers(other Mandate) bool {
	within := func(outer, inner []string, has func([]string, string) bool) bool {
		return !slices.ContainsFunc(inner, func(name string) bool { return !has(outer, name) })
	}
	if !within(m.Facilities, other.Facilities, covers) || !within(m.Families, other.Families, covers) {
		return false
	}
	return !m.ToCustomers() || other.ToCustomers() &&
		within(m.Sectors, other.Sectors, slices.Contains) && within(m.Tenants, other.Tenants, slices.Contains)
}

func covers(names []string, name string) bool {
	return slices.Contains(names, All) || slices.Contains(names, name)
}
