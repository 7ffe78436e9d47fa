package admission

import (
	"encoding/json"

	"github.com/saksi-ledger/saksi/events"
)

// codeOutsideMandate: an authority says what its mandate doesn't let it say. It is
// judged event by event as they take effect, for one may rest on the one before it.
const codeOutsideMandate = "outside_mandate"

func outside(format string, args ...any) *refusal { return refuse(codeOutsideMandate, format, args...) }

// withinMandate tells whether an authority may say an event. Who may speak is for
// authorities with the family registry; what an operator is, for those with every
// facility and for the one that admitted it; what was said at a facility, for those
// with that facility and its family.
//
// A mandate that is bounded to customers is one to see by: its authority speaks of
// itself, and of authorities within its own mandate, and no more. No act names a
// customer; what it names, an operator, a recorder, a leaf, a person, touches others'
// customers too, and whose event stands at a leaf is not the registry's to know.
// docs/mandates.md has the table.
func (r *Registry) withinMandate(by string, e *events.Event) *refusal {
	authority := r.authorities[by]
	if authority == nil {
		return outside("%s is no authority of this ledger", by)
	}
	on, err := events.ScopeOf(e)
	if err != nil {
		return refuse("schema", "%w", err)
	}
	mandate := authority.Mandate
	switch e.Type {
	case events.TypeAuthorityAdmitted:
		return r.mayAdmit(authority, e)
	case events.TypeAuthorityRotated, events.TypeRecipientRotated:
		if on.Authority != by {
			return outside("%s speaks for itself, not for %s", by, on.Authority)
		}
		return nil
	case events.TypeHoldReleased, events.TypeGenesis, events.TypeGenesisV1:
		return nil // only who placed a hold can release it
	}
	if mandate.ToCustomers() {
		return outside("%s's mandate is bounded to customers, and this bears on others' too", by)
	}
	var families []string
	switch e.Type {
	case events.TypeOperatorAdmitted, events.TypeOperatorSuspended, events.TypeOperatorReadmitted,
		events.TypeKeyAdded, events.TypeKeyRevoked:
		known := r.operators[on.Operator]
		switch {
		case !mandate.HasFamily(events.FamilyRegistry):
			return outside("%s's mandate has no say in who may speak", by)
		case known != nil && known.AdmittedBy != by && !mandate.HasFacility(events.All):
			return outside("operator %s was admitted by %s, and %s's mandate is not over every facility", on.Operator, known.AdmittedBy, by)
		}
		return nil
	case events.TypeTenantDeclared, events.TypeRecorderContinued:
		// What it says holds wherever the customer is, and what stood in the tree before is
		// for who took that over: it bears on every facility.
		on, families = events.Scope{}, []string{events.FamilyRegistry}
	case events.TypeFacilityDeclared, events.TypeFacilityRetired, events.TypeRecorderDeclared, events.TypeRecorderRetired,
		events.TypeRulesetAdopted, events.TypeWitnessesAdopted, events.TypePackAdopted, events.TypePredecessorAdopted:
		families = []string{events.FamilyRegistry}
	case events.TypeProductionOrdered, events.TypeDisclosureRevealed, events.TypeDisclosureErased, events.TypeHoldPlaced,
		events.TypeFindingAcknowledged, events.TypeFindingResolved: // who settles a finding must be able to see it
		families = []string{events.FamilyAccess}
	case events.TypeBodyErased: // any of which it may carry
		families = []string{events.FamilyAccess, events.FamilyFacility, events.FamilyAttestation}
	default: // what this program doesn't know the bounds of is for those who have none
		families = []string{events.All}
	}
	for _, family := range families {
		if !mandate.HasFamily(family) {
			return outside("%s's mandate does not have the family %s", by, family)
		}
	}
	for _, facility := range on.OfFacilities() {
		if !mandate.HasFacility(facility) {
			if facility == events.All {
				return outside("%s's mandate is not over every facility", by)
			}
			return outside("facility %s is not in %s's mandate", facility, by)
		}
	}
	return nil
}

// mayAdmit tells whether an authority may admit another, or change its mandate: what
// it gives it must have, and one that others admitted isn't its to change.
func (r *Registry) mayAdmit(by *Authority, e *events.Event) *refusal {
	var d events.AuthorityAdmitted
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return refuse("schema", "data of %s: %w", e.Type, err)
	}
	known := r.authorities[d.Authority]
	switch {
	case !by.Mandate.HasFamily(events.FamilyRegistry):
		return outside("%s's mandate has no say in who may speak", by.Name)
	case known != nil && known.AdmittedBy == "":
		return outside("authority %s is named by the genesis, and its mandate stands", d.Authority)
	case known != nil && known.AdmittedBy != by.Name:
		return outside("authority %s was admitted by %s", d.Authority, known.AdmittedBy)
	case !by.Mandate.Covers(d.Mandate):
		return outside("%s can't give a mandate that goes beyond its own", by.Name)
	}
	return nil
}
