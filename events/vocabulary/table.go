package vocabulary

import "github.com/saksi-ledger/saksi/events"

// The table of event types. A line binds a type to the Go type of its data and to who may say it; [Types], [TypeOf],
// [SaidBy] and [Decode] read the table. To add an event type, write its schema and its examples in package schemas
// and one line here. A type of an authority also needs its line in ledger/registry.

// Who controls compute, the data layer and the identity rails.
var (
	FacilityDescribed  = byOperator[events.FacilityDescribed](events.TypeFacilityDescribed)
	ControlChanged     = byOperator[events.ControlChanged](events.TypeControlChanged)
	IdentityDeclared   = byOperator[events.IdentityDeclared](events.TypeIdentityDeclared)
	DependencyDeclared = byOperator[events.DependencyDeclared](events.TypeDependencyDeclared)
	AssetAdded         = byOperator[events.AssetChanged](events.TypeAssetAdded)
	AssetMoved         = byOperator[events.AssetChanged](events.TypeAssetMoved)
	AssetRemoved       = byOperator[events.AssetChanged](events.TypeAssetRemoved)
	ResidencyDeclared  = byOperator[events.ResidencyDeclared](events.TypeResidencyDeclared)
	StaffingReported   = byOperator[events.StaffingReported](events.TypeStaffingReported)
	WorkloadDeclared   = byOperator[events.WorkloadDeclared](events.TypeWorkloadDeclared)
	IncidentReported   = byOperator[events.IncidentReported](events.TypeIncidentReported)
)

// Who touched it.
var (
	AccessRequested   = byOperator[events.AccessRequested](events.TypeAccessRequested)
	AccessApproved    = byOperator[events.AccessDecided](events.TypeAccessApproved)
	AccessDenied      = byOperator[events.AccessDecided](events.TypeAccessDenied)
	AccessRevoked     = byOperator[events.AccessRevoked](events.TypeAccessRevoked)
	AccessExtended    = byOperator[events.AccessExtended](events.TypeAccessExtended)
	AccessExpired     = byOperator[events.AccessExpired](events.TypeAccessExpired)
	SessionOpened     = byOperator[events.SessionOpened](events.TypeSessionOpened)
	SessionClosed     = byOperator[events.SessionClosed](events.TypeSessionClosed)
	ZoneEntered       = byOperator[events.ZonePassed](events.TypeZoneEntered)
	ZoneLeft          = byOperator[events.ZonePassed](events.TypeZoneLeft)
	AccessPerformed   = byOperator[events.AccessPerformed](events.TypeAccessPerformed)
	ChangeDeployed    = byOperator[events.ChangeDeployed](events.TypeChangeDeployed)
	DataTransferred   = byOperator[events.DataTransferred](events.TypeDataTransferred)
	KeyUsed           = byOperator[events.KeyUsed](events.TypeKeyUsed)
	KeyCustodyChanged = byOperator[events.KeyCustodyChanged](events.TypeKeyCustodyChanged)
	AccessCompelled   = byOperator[events.AccessCompelled](events.TypeAccessCompelled)
	AccessCommitted   = byOperator[events.AccessCommitted](events.TypeAccessCommitted)
	AccessProduced    = byOperator[events.AccessProduced](events.TypeAccessProduced)
	AccessDisclosed   = byOperator[events.AccessDisclosed](events.TypeAccessDisclosed)
	Sealed            = byOperator[events.Sealed](events.TypeSealed)
)

// What the operator swears to.
var (
	AttestationPeriod     = byOperator[events.Statement](events.TypeAttestationPeriod)
	AttestationControl    = byOperator[events.StatementOf[events.ControlAttested]](events.TypeAttestationControl)
	AttestationBlindspot  = byOperator[events.StatementOf[events.BlindspotAttested]](events.TypeAttestationBlindspot)
	AttestationCorrection = byOperator[events.StatementOf[events.CorrectionAttested]](events.TypeAttestationCorrection)
	AttestationResponse   = byOperator[events.StatementOf[events.ResponseAttested]](events.TypeAttestationResponse)
)

// What authorities sign.
var (
	AuthorityAdmitted   = byAuthority[events.AuthorityAdmitted](events.TypeAuthorityAdmitted)
	AuthorityRotated    = byAuthority[events.AuthorityRotated](events.TypeAuthorityRotated)
	RecipientRotated    = byAuthority[events.RecipientRotated](events.TypeRecipientRotated)
	OperatorAdmitted    = byAuthority[events.OperatorAdmitted](events.TypeOperatorAdmitted)
	OperatorSuspended   = byAuthority[events.OperatorSuspended](events.TypeOperatorSuspended)
	OperatorReadmitted  = byAuthority[events.OperatorReadmitted](events.TypeOperatorReadmitted)
	KeyAdded            = byAuthority[events.KeyAdded](events.TypeKeyAdded)
	KeyRevoked          = byAuthority[events.KeyRevoked](events.TypeKeyRevoked)
	FacilityDeclared    = byAuthority[events.FacilityDeclared](events.TypeFacilityDeclared)
	FacilityRetired     = byAuthority[events.FacilityRetired](events.TypeFacilityRetired)
	RecorderDeclared    = byAuthority[events.RecorderDeclared](events.TypeRecorderDeclared)
	RecorderRetired     = byAuthority[events.RecorderRetired](events.TypeRecorderRetired)
	TenantDeclared      = byAuthority[events.TenantDeclared](events.TypeTenantDeclared)
	WitnessesAdopted    = byAuthority[events.WitnessesAdopted](events.TypeWitnessesAdopted)
	PredecessorAdopted  = byAuthority[events.PredecessorAdopted](events.TypePredecessorAdopted)
	RecorderContinued   = byAuthority[events.RecorderContinued](events.TypeRecorderContinued)
	RulesetAdopted      = byAuthority[events.RulesetAdopted](events.TypeRulesetAdopted)
	PackAdopted         = byAuthority[events.PackAdopted](events.TypePackAdopted)
	ProductionOrdered   = byAuthority[events.ProductionOrdered](events.TypeProductionOrdered)
	DisclosureRevealed  = byAuthority[events.DisclosureRevealed](events.TypeDisclosureRevealed)
	DisclosureErased    = byAuthority[events.DisclosureErased](events.TypeDisclosureErased)
	BodyErased          = byAuthority[events.BodyErased](events.TypeBodyErased)
	HoldPlaced          = byAuthority[events.HoldPlaced](events.TypeHoldPlaced)
	HoldReleased        = byAuthority[events.HoldReleased](events.TypeHoldReleased)
	FindingAcknowledged = byAuthority[events.FindingAcknowledged](events.TypeFindingAcknowledged)
	FindingResolved     = byAuthority[events.FindingResolved](events.TypeFindingResolved)
)

// What the ledger signs itself, and its first leaf.
var (
	Genesis            = onlyFirst[events.Genesis](events.TypeGenesis)
	GenesisV1          = onlyFirst[events.Genesis](events.TypeGenesisV1)
	EpochOpened        = byLedger[events.EpochOpened](events.TypeEpochOpened)
	Clock              = byLedger[events.Clock](events.TypeClock)
	AnchorRecorded     = byLedger[events.AnchorRecorded](events.TypeAnchorRecorded)
	CheckpointCosigned = byLedger[events.CheckpointCosigned](events.TypeCheckpointCosigned)
	TimestampRecorded  = byLedger[events.TimestampRecorded](events.TypeTimestampRecorded)
)
