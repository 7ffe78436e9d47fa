package vocabulary

import "github.com/saksi-ledger/saksi/events"

// Who controls compute, the data layer and the identity rails.
var (
	FacilityDescribed  = Kind[events.FacilityDescribed]{events.TypeFacilityDescribed}
	ControlChanged     = Kind[events.ControlChanged]{events.TypeControlChanged}
	IdentityDeclared   = Kind[events.IdentityDeclared]{events.TypeIdentityDeclared}
	DependencyDeclared = Kind[events.DependencyDeclared]{events.TypeDependencyDeclared}
	AssetAdded         = Kind[events.AssetChanged]{events.TypeAssetAdded}
	AssetMoved         = Kind[events.AssetChanged]{events.TypeAssetMoved}
	AssetRemoved       = Kind[events.AssetChanged]{events.TypeAssetRemoved}
	ResidencyDeclared  = Kind[events.ResidencyDeclared]{events.TypeResidencyDeclared}
	StaffingReported   = Kind[events.StaffingReported]{events.TypeStaffingReported}
	WorkloadDeclared   = Kind[events.WorkloadDeclared]{events.TypeWorkloadDeclared}
	IncidentReported   = Kind[events.IncidentReported]{events.TypeIncidentReported}
)

// Who touched it.
var (
	AccessRequested   = Kind[events.AccessRequested]{events.TypeAccessRequested}
	AccessApproved    = Kind[events.AccessDecided]{events.TypeAccessApproved}
	AccessDenied      = Kind[events.AccessDecided]{events.TypeAccessDenied}
	AccessRevoked     = Kind[events.AccessRevoked]{events.TypeAccessRevoked}
	AccessExtended    = Kind[events.AccessExtended]{events.TypeAccessExtended}
	AccessExpired     = Kind[events.AccessExpired]{events.TypeAccessExpired}
	SessionOpened     = Kind[events.SessionOpened]{events.TypeSessionOpened}
	SessionClosed     = Kind[events.SessionClosed]{events.TypeSessionClosed}
	ZoneEntered       = Kind[events.ZonePassed]{events.TypeZoneEntered}
	ZoneLeft          = Kind[events.ZonePassed]{events.TypeZoneLeft}
	AccessPerformed   = Kind[events.AccessPerformed]{events.TypeAccessPerformed}
	ChangeDeployed    = Kind[events.ChangeDeployed]{events.TypeChangeDeployed}
	DataTransferred   = Kind[events.DataTransferred]{events.TypeDataTransferred}
	KeyUsed           = Kind[events.KeyUsed]{events.TypeKeyUsed}
	KeyCustodyChanged = Kind[events.KeyCustodyChanged]{events.TypeKeyCustodyChanged}
	AccessCompelled   = Kind[events.AccessCompelled]{events.TypeAccessCompelled}
	AccessCommitted   = Kind[events.AccessCommitted]{events.TypeAccessCommitted}
	AccessProduced    = Kind[events.AccessProduced]{events.TypeAccessProduced}
	AccessDisclosed   = Kind[events.AccessDisclosed]{events.TypeAccessDisclosed}
	Sealed            = Kind[events.Sealed]{events.TypeSealed}
)

// What the operator swears to.
var (
	AttestationPeriod     = Kind[events.Statement]{events.TypeAttestationPeriod}
	AttestationControl    = Kind[events.StatementOf[events.ControlAttested]]{events.TypeAttestationControl}
	AttestationBlindspot  = Kind[events.StatementOf[events.BlindspotAttested]]{events.TypeAttestationBlindspot}
	AttestationCorrection = Kind[events.StatementOf[events.CorrectionAttested]]{events.TypeAttestationCorrection}
	AttestationResponse   = Kind[events.StatementOf[events.ResponseAttested]]{events.TypeAttestationResponse}
)

// What authorities sign.
var (
	AuthorityAdmitted   = Kind[events.AuthorityAdmitted]{events.TypeAuthorityAdmitted}
	AuthorityRotated    = Kind[events.AuthorityRotated]{events.TypeAuthorityRotated}
	RecipientRotated    = Kind[events.RecipientRotated]{events.TypeRecipientRotated}
	OperatorAdmitted    = Kind[events.OperatorAdmitted]{events.TypeOperatorAdmitted}
	OperatorSuspended   = Kind[events.OperatorSuspended]{events.TypeOperatorSuspended}
	OperatorReadmitted  = Kind[events.OperatorReadmitted]{events.TypeOperatorReadmitted}
	KeyAdded            = Kind[events.KeyAdded]{events.TypeKeyAdded}
	KeyRevoked          = Kind[events.KeyRevoked]{events.TypeKeyRevoked}
	FacilityDeclared    = Kind[events.FacilityDeclared]{events.TypeFacilityDeclared}
	FacilityRetired     = Kind[events.FacilityRetired]{events.TypeFacilityRetired}
	RecorderDeclared    = Kind[events.RecorderDeclared]{events.TypeRecorderDeclared}
	RecorderRetired     = Kind[events.RecorderRetired]{events.TypeRecorderRetired}
	TenantDeclared      = Kind[events.TenantDeclared]{events.TypeTenantDeclared}
	WitnessesAdopted    = Kind[events.WitnessesAdopted]{events.TypeWitnessesAdopted}
	PredecessorAdopted  = Kind[events.PredecessorAdopted]{events.TypePredecessorAdopted}
	RecorderContinued   = Kind[events.RecorderContinued]{events.TypeRecorderContinued}
	RulesetAdopted      = Kind[events.RulesetAdopted]{events.TypeRulesetAdopted}
	PackAdopted         = Kind[events.PackAdopted]{events.TypePackAdopted}
	ProductionOrdered   = Kind[events.ProductionOrdered]{events.TypeProductionOrdered}
	DisclosureRevealed  = Kind[events.DisclosureRevealed]{events.TypeDisclosureRevealed}
	DisclosureErased    = Kind[events.DisclosureErased]{events.TypeDisclosureErased}
	BodyErased          = Kind[events.BodyErased]{events.TypeBodyErased}
	HoldPlaced          = Kind[events.HoldPlaced]{events.TypeHoldPlaced}
	HoldReleased        = Kind[events.HoldReleased]{events.TypeHoldReleased}
	FindingAcknowledged = Kind[events.FindingAcknowledged]{events.TypeFindingAcknowledged}
	FindingResolved     = Kind[events.FindingResolved]{events.TypeFindingResolved}
)

// What the ledger signs of itself, and the leaf that it begins with.
var (
	Genesis            = Kind[events.Genesis]{events.TypeGenesis}
	EpochOpened        = Kind[events.EpochOpened]{events.TypeEpochOpened}
	Clock              = Kind[events.Clock]{events.TypeClock}
	AnchorRecorded     = Kind[events.AnchorRecorded]{events.TypeAnchorRecorded}
	CheckpointCosigned = Kind[events.CheckpointCosigned]{events.TypeCheckpointCosigned}
	TimestampRecorded  = Kind[events.TimestampRecorded]{events.TypeTimestampRecorded}
)
