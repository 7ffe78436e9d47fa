package token

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// A body is many events, and not all of them need be within one mandate. Whose
// customer an event touched, and of which family it is, stands in the event alone: so
// where a scope is bounded by either, or an authority spoke, each is looked at.

// ByEvent tells whether a subject says too little of what stands on it: what was sent
// must be looked at, by [Grantee.CoversBody] or event by event.
func (g Grantee) ByEvent(subject string) bool {
	scope := g.Scope()
	if len(scope) == 0 {
		return false
	}
	recorder, err := events.ParseSubject(subject)
	return err != nil || !recorder.IsOperator() ||
		slices.ContainsFunc(scope, func(b Bounds) bool { return len(b.Families) > 0 || b.Customers != nil })
}

// CoversBody tells whether g's scope covers a whole body. One that was rejected says
// nothing that can be relied on, nor of which family it is.
func (g Grantee) CoversBody(leaf *formats.Leaf, body []byte) bool {
	switch {
	case !g.CoversSubject(leaf.Subject):
		return false
	case !g.ByEvent(leaf.Subject):
		return true
	case leaf.Verdict == formats.Rejected:
		return false
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return false
	}
	for _, line := range envelope.Lines {
		if !g.CoversLine(envelope.Manifest.Recorder, line) {
			return false
		}
	}
	return true
}

// CoversLine tells whether g's scope covers an event that a recorder said. A line that
// was erased says nothing, to anybody.
func (g Grantee) CoversLine(recorder events.Recorder, line []byte) bool {
	if len(line) == 0 {
		return true
	}
	if !g.CoversSubject(recorder.Subject()) {
		return false
	}
	e, err := events.ParseEvent(line)
	if err != nil {
		return false
	}
	// What a sealed event is about, its family too, is for the one that it is sealed to.
	if g.Name != "" && recorder.IsOperator() && e.Type == events.TypeSealed && sealedTo(e) == g.Name {
		return true
	}
	for _, b := range g.Scope() {
		if recorder.IsOperator() && !b.coversSaid(recorder, e) || !recorder.IsOperator() && !b.coversRegistry(e) {
			return false
		}
	}
	return true
}

func sealedTo(e *events.Event) string {
	var d events.Sealed
	if json.Unmarshal(e.Data, &d) != nil {
		return ""
	}
	return d.Authority
}

// coversSaid tells whether an operator's event is within the bounds, its facility and
// operator apart.
func (b *Bounds) coversSaid(recorder events.Recorder, e *events.Event) bool {
	if !in(b.Families, events.FamilyOf(e.Type)) {
		return false
	}
	if b.Customers == nil {
		return true
	}
	var of struct {
		Tenant string `json:"tenant"`
	}
	return json.Unmarshal(e.Data, &of) == nil && of.Tenant != "" && slices.Contains(b.Customers, recorder.Owner+"/"+of.Tenant)
}

// coversRegistry tells whether an event of an authority's or the ledger's is within
// the bounds. Who may speak, where and with which keys is everybody's who reads bodies:
// proofs rest on it. What an authority did is for those within whose bounds it did it.
func (b *Bounds) coversRegistry(e *events.Event) bool {
	if b.None() || constitutes(e.Type) {
		return true
	}
	if e.Type == events.TypeTenantDeclared {
		return b.coversTenant(e)
	}
	on, err := events.ScopeOf(e)
	if err != nil || !acts(e.Type) {
		return false // what this program doesn't know the bounds of is for those who have none
	}
	within := func(bounds, names []string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !in(bounds, name) })
	}
	return b.Customers == nil && in(b.Families, events.FamilyAccess) && within(b.Facilities, on.OfFacilities()) && within(b.Operators, on.OfOperators())
}

// coversTenant tells whether a customer that is declared is one within the bounds. Who is
// a customer, and of whom, is for those with the registry's family at every facility, who
// say so, and for whoever is bounded to that customer.
func (b *Bounds) coversTenant(e *events.Event) bool {
	var d events.TenantDeclared
	if json.Unmarshal(e.Data, &d) != nil || d.Tenant == "" {
		return false
	}
	if b.Customers == nil {
		return in(b.Families, events.FamilyRegistry) && len(b.Facilities) == 0 && in(b.Operators, d.Operator)
	}
	return slices.ContainsFunc(b.Customers, func(full string) bool {
		operator, alias, _ := strings.Cut(full, "/")
		return alias == d.Tenant && (d.Operator == "" || d.Operator == operator)
	})
}

// acts tells whether a type is of what authorities do to what operators said, which is in
// the family access, at the facilities that it names.
func acts(eventType string) bool {
	return slices.Contains([]string{
		events.TypeProductionOrdered, events.TypeDisclosureRevealed, events.TypeDisclosureErased, events.TypeBodyErased,
		events.TypeHoldPlaced, events.TypeHoldReleased, events.TypeFindingAcknowledged, events.TypeFindingResolved,
	}, eventType)
}

// constitutes tells whether a type says who may speak, and how the ledger stands.
func constitutes(eventType string) bool {
	return events.IsGenesis(eventType) || slices.Contains([]string{
		events.TypeAuthorityAdmitted, events.TypeAuthorityRotated, events.TypeRecipientRotated, events.TypeRulesetAdopted, events.TypeWitnessesAdopted, events.TypePackAdopted, events.TypePredecessorAdopted, events.TypeRecorderContinued,
		events.TypeOperatorAdmitted, events.TypeOperatorSuspended, events.TypeOperatorReadmitted, events.TypeKeyAdded, events.TypeKeyRevoked,
		events.TypeFacilityDeclared, events.TypeFacilityRetired, events.TypeRecorderDeclared, events.TypeRecorderRetired,
		events.TypeEpochOpened, events.TypeClock, events.TypeAnchorRecorded, events.TypeCheckpointCosigned, events.TypeTimestampRecorded,
	}, eventType)
}
