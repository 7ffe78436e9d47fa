package events

// Who touched it.
const (
	TypeAccessRequested = "saksi.access.requested.v1"
	TypeAccessApproved  = "saksi.access.approved.v1"
	TypeAccessDenied    = "saksi.access.denied.v1"
	TypeSessionOpened   = "saksi.access.session.opened.v1"
	TypeSessionClosed   = "saksi.access.session.closed.v1"
	TypeZoneEntered     = "saksi.access.zone.entered.v1"
	TypeZoneLeft        = "saksi.access.zone.left.v1"
	TypeAccessPerformed = "saksi.access.performed.v1"

	TypeAccessRevoked     = "saksi.access.revoked.v1"
	TypeAccessExtended    = "saksi.access.extended.v1"
	TypeAccessExpired     = "saksi.access.expired.v1"
	TypeChangeDeployed    = "saksi.access.change.deployed.v1"
	TypeDataTransferred   = "saksi.access.data.transferred.v1"
	TypeKeyUsed           = "saksi.access.key.used.v1"
	TypeKeyCustodyChanged = "saksi.access.key.custody.changed.v1"
	TypeAccessCompelled   = "saksi.access.compelled.v1"
	TypeAccessCommitted   = "saksi.access.committed.v1"
	TypeAccessProduced    = "saksi.access.produced.v1"
	TypeAccessDisclosed   = "saksi.access.disclosed.v1"
)

// Unstated is what codes and names say where the native log doesn't. It is said, never implied by an absence.
const Unstated = "unstated"

// UnknownCountry is the country where the operator truly doesn't know, which is itself counted.
const UnknownCountry = "??"

// AccessPerformed says that an operation was performed.
type AccessPerformed struct {
	Session     string    `json:"session,omitempty"`
	AccessID    string    `json:"accessId,omitempty"` // as in SessionOpened
	Actor       Actor     `json:"actor"`
	Operation   string    `json:"operation"` // as the recording system names it
	Resource    *Resource `json:"resource,omitempty"`
	Access      Access    `json:"access"`
	Outcome     Outcome   `json:"outcome"`
	Reason      Reason    `json:"reason"`
	Mode        Mode      `json:"mode"`
	From        From      `json:"from"`
	Tenant      string    `json:"tenant,omitempty"` // alias of the customer whose assets were touched
	Assets      []string  `json:"assets,omitempty"` // aliases
	DataClasses []string  `json:"dataClasses,omitempty"`
	Region      string    `json:"region,omitempty"`
	Ext         Ext       `json:"ext,omitempty"`
	SD          []string  `json:"_sd,omitempty"`
}

// SessionOpened says that a session began.
type SessionOpened struct {
	Session string `json:"session"`
	// AccessID is one access across the landlord's doors, the bastion, the control plane and the approval: what
	// correlation joins on.
	AccessID string   `json:"accessId,omitempty"`
	Actor    Actor    `json:"actor"`
	Mode     Mode     `json:"mode"`
	From     From     `json:"from"`
	Reason   Reason   `json:"reason"`
	Escort   *Escort  `json:"escort,omitempty"`
	Tenant   string   `json:"tenant,omitempty"`
	Assets   []string `json:"assets,omitempty"`
	Ext      Ext      `json:"ext,omitempty"`
	SD       []string `json:"_sd,omitempty"`
}

// SessionClosed says that a session ended, and how.
type SessionClosed struct {
	Session   string   `json:"session"`
	AccessID  string   `json:"accessId,omitempty"`
	Actor     Actor    `json:"actor"`
	Ended     Ended    `json:"ended"`
	Mode      Mode     `json:"mode,omitempty"`
	From      *From    `json:"from,omitempty"`
	Escort    *Escort  `json:"escort,omitempty"`
	Recording string   `json:"recording,omitempty"` // digest of the session's recording
	Tenant    string   `json:"tenant,omitempty"`
	Assets    []string `json:"assets,omitempty"`
	Ext       Ext      `json:"ext,omitempty"`
	SD        []string `json:"_sd,omitempty"`
}

// Actor is who touched it, as far as a body may say: a pseudonym, and what oversight needs to know about it.
type Actor struct {
	ID              string     `json:"id"` // random, one for each person
	Kind            ActorKind  `json:"kind"`
	Party           Party      `json:"party"`
	Employer        string     `json:"employer,omitempty"`
	EmployerCountry string     `json:"employerCountry"`
	Employment      Employment `json:"employment,omitempty"`
	OfficeCountry   string     `json:"officeCountry"`   // where the job is based
	PhysicalCountry string     `json:"physicalCountry"` // where the person was then
	Role            string     `json:"role,omitempty"`
	Clearance       string     `json:"clearance,omitempty"`
	// SD stands for name, staff number, nationality, e-mail and IP address: only ever digests.
	SD []string `json:"_sd,omitempty"`
}

// ActorKind is what an actor is.
type ActorKind string

const (
	KindPerson     ActorKind = "person"
	KindService    ActorKind = "service"
	KindAutomation ActorKind = "automation"
	KindUnstated   ActorKind = Unstated
)

// Party is whose side an actor is on. It has no "unstated": whoever grants access knows to whom.
type Party string

const (
	PartyOperator  Party = "operator"
	PartyParent    Party = "parent"
	PartyLandlord  Party = "landlord"
	PartyVendor    Party = "vendor"
	PartyCustomer  Party = "customer"
	PartyAuthority Party = "authority"
)

// Employment is the footing an actor works on.
type Employment string

const (
	EmploymentEmployee      Employment = "employee"
	EmploymentContractor    Employment = "contractor"
	EmploymentSubcontractor Employment = "subcontractor"
	EmploymentUnstated      Employment = Unstated
)

// Reason is why.
type Reason struct {
	Code   ReasonCode `json:"code"`
	Ticket string     `json:"ticket,omitempty"` // a reference, no prose
	SD     []string   `json:"_sd,omitempty"`
}

// ReasonCode is on what ground.
type ReasonCode string

const (
	ReasonCustomerSupport     ReasonCode = "customer_support"
	ReasonOperatorMaintenance ReasonCode = "operator_maintenance"
	ReasonProductionAlert     ReasonCode = "production_alert"
	ReasonSecurityReview      ReasonCode = "security_review"
	ReasonThirdPartyRequest   ReasonCode = "third_party_request"
	ReasonPenalty             ReasonCode = "penalty"
	ReasonCustomerWorkflow    ReasonCode = "customer_workflow"
	ReasonAutomatedOperation  ReasonCode = "automated_operation"
	ReasonBreakGlass          ReasonCode = "break_glass"
	ReasonUnstated            ReasonCode = Unstated
)

// Mode is how access was had.
type Mode string

const (
	ModePhysical   Mode = "physical"
	ModeConsole    Mode = "console"
	ModeRemote     Mode = "remote"
	ModeAPI        Mode = "api"
	ModeSerial     Mode = "serial"
	ModeBreakGlass Mode = "break_glass"
	ModeUnstated   Mode = Unstated
)

// Access is what an operation does to its resource.
type Access string

const (
	AccessRead     Access = "read"
	AccessWrite    Access = "write"
	AccessDelete   Access = "delete"
	AccessAdmin    Access = "admin"
	AccessUnstated Access = Unstated
)

// Outcome is how an operation came out.
type Outcome string

const (
	OutcomeSuccess  Outcome = "success"
	OutcomeFailure  Outcome = "failure"
	OutcomeDenied   Outcome = "denied"
	OutcomeUnstated Outcome = Unstated
)

// Ended is how a session ended.
type Ended string

const (
	EndedNormal   Ended = "normal"
	EndedTimeout  Ended = "timeout"
	EndedRevoked  Ended = "revoked" // cut by whoever had granted it
	EndedLost     Ended = "lost"    // the connection, or the recorder's sight of it
	EndedUnstated Ended = Unstated
)

// From is where access came from.
type From struct {
	Country string   `json:"country"`
	Network string   `json:"network,omitempty"` // its kind or alias, never an address
	SD      []string `json:"_sd,omitempty"`
}

// Resource is what was touched: its kind, and the digest of its salted name.
type Resource struct {
	Kind   string   `json:"kind"`
	Digest string   `json:"digest,omitempty"`
	SD     []string `json:"_sd,omitempty"`
}

// Escort is who accompanied an access.
type Escort struct {
	ID              string     `json:"id"` // a pseudonym
	Party           Party      `json:"party"`
	Employer        string     `json:"employer,omitempty"`
	EmployerCountry string     `json:"employerCountry"`
	Competence      Competence `json:"competence"`
	SD              []string   `json:"_sd,omitempty"`
}

// Competence is how far an escort can judge what it watches.
type Competence string

const (
	CompetencePeer     Competence = "peer"     // could do the work
	CompetenceInformed Competence = "informed" // can follow it
	CompetenceNone     Competence = "none"     // cannot judge it
	CompetenceUnstated Competence = Unstated
)

// Ext is free for the operator, but for "native", which is a [Native].
type Ext map[string]any

// Native binds the native record that an event was made from; the record stays with the operator.
type Native struct {
	System string   `json:"system"`           // that keeps the record
	ID     string   `json:"id,omitempty"`     // there; salted where it could identify someone
	Digest string   `json:"digest,omitempty"` // salted
	SD     []string `json:"_sd,omitempty"`
}
