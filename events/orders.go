package events

// What an authority orders, reads, removes, keeps and settles, each within its mandate.
const (
	TypeProductionOrdered   = "saksi.registry.production.ordered.v1"
	TypeDisclosureRevealed  = "saksi.registry.disclosure.revealed.v1"
	TypeDisclosureErased    = "saksi.registry.disclosure.erased.v1"
	TypeBodyErased          = "saksi.registry.body.erased.v1"
	TypeHoldPlaced          = "saksi.registry.hold.placed.v1"
	TypeHoldReleased        = "saksi.registry.hold.released.v1"
	TypeFindingAcknowledged = "saksi.registry.finding.acknowledged.v1"
	TypeFindingResolved     = "saksi.registry.finding.resolved.v1"
)

// ProductionOrdered orders an operator to open a commitment, or to hand over disclosures that it holds.
type ProductionOrdered struct {
	Order       string    `json:"order"`
	Recorder    string    `json:"recorder"`              // operator/facility/recorder
	Event       RefFields `json:"event"`                 // the commitment, or the event whose disclosures are asked for
	Records     []Integer `json:"records,omitempty"`     // indexes within the committed batch
	Disclosures []string  `json:"disclosures,omitempty"` // digests, as _sd has them
	Due         Time      `json:"due"`
	Ground      string    `json:"ground"`
}

// RevealedKind is what an authority reads.
type RevealedKind string

const (
	RevealedDisclosure RevealedKind = "disclosure"
	RevealedSealed     RevealedKind = "sealed"
)

// DisclosureRevealed says that an authority reads what was for its eyes. It stands in the ledger before anything is
// opened, so that the operator learns how often, and on what ground.
type DisclosureRevealed struct {
	Recorder string       `json:"recorder"` // operator/facility/recorder
	Kind     RevealedKind `json:"kind"`
	Actor    string       `json:"actor,omitempty"` // pseudonym, where one person's disclosures are read
	Events   []RefFields  `json:"events"`
	Ground   string       `json:"ground"`
	Order    string       `json:"order,omitempty"`
}

// DisclosureErased removes what a pseudonym stood for, wherever it was copied.
type DisclosureErased struct {
	Operator   string   `json:"operator"`
	Actor      string   `json:"actor"`                // pseudonym
	Facilities []string `json:"facilities,omitempty"` // empty: everywhere
	Ground     string   `json:"ground"`
	Order      string   `json:"order,omitempty"`
}

// BodyErased removes a body, or one event of it.
type BodyErased struct {
	Recorder string   `json:"recorder"` // operator/facility/recorder
	Leaf     Integer  `json:"leaf"`
	Event    *Integer `json:"event,omitempty"` // place in the envelope, from 0; nil: the whole body
	Ground   string   `json:"ground"`
	Order    string   `json:"order,omitempty"`
}

// HoldPlaced keeps what it covers from erasure, whatever its retention. What is empty or zero bounds nothing.
type HoldPlaced struct {
	Hold       string   `json:"hold"`
	Facilities []string `json:"facilities,omitempty"`
	Operators  []string `json:"operators,omitempty"`
	Actors     []string `json:"actors,omitempty"` // pseudonyms
	From       Time     `json:"from,omitzero"`    // as the ledger received it
	To         Time     `json:"to,omitzero"`      // the first moment after
	Ground     string   `json:"ground"`
}

// HoldReleased ends a hold.
type HoldReleased struct {
	Hold   string `json:"hold"`
	Ground string `json:"ground"`
}

// FindingAcknowledged says that an authority has seen a finding.
type FindingAcknowledged struct {
	Finding  string `json:"finding"`
	Facility string `json:"facility"`
	Note     string `json:"note,omitempty"`
}

// FindingOutcome is what came of a finding.
type FindingOutcome string

const (
	OutcomeExplained  FindingOutcome = "explained"
	OutcomeRemedied   FindingOutcome = "remedied"
	OutcomeUnfounded  FindingOutcome = "unfounded"
	OutcomeAccepted   FindingOutcome = "accepted"
	OutcomeSanctioned FindingOutcome = "sanctioned"
)

// FindingResolved settles a finding.
type FindingResolved struct {
	Finding  string         `json:"finding"`
	Facility string         `json:"facility"`
	Outcome  FindingOutcome `json:"outcome"`
	Note     string         `json:"note,omitempty"`
}
