package events

// ControlChanged says that control over a layer passed from one to another.
type ControlChanged struct {
	Layer      Layer        `json:"layer"`
	From       Organisation `json:"from"`
	To         Organisation `json:"to"`
	Instrument Instrument   `json:"instrument"` // by what it passed
	Effective  Time         `json:"effective"`  // from when on
	Ext        Ext          `json:"ext,omitempty"`
	SD         []string     `json:"_sd,omitempty"`
}

// Layer is what of a facility is controlled.
type Layer string

// The layers, from the ground up.
const (
	LayerPremises Layer = "premises"
	LayerCompute  Layer = "compute"
	LayerNetwork  Layer = "network"
	LayerData     Layer = "data"
	LayerIdentity Layer = "identity"
)

// Instrument is the paper that something rests on, or is demanded by.
type Instrument struct {
	Kind      string   `json:"kind"`                // a code: contract, share_transfer, warrant
	Reference string   `json:"reference,omitempty"` // its number, salted where it could identify someone
	Digest    string   `json:"digest,omitempty"`    // of the paper, salted
	SD        []string `json:"_sd,omitempty"`
}

// IdentityDeclared says who runs the administrators' identity provider, and from where.
type IdentityDeclared struct {
	Provider         Organisation     `json:"provider"`
	OperatedFrom     []string         `json:"operatedFrom"` // countries in which those who can administer it work
	NationalIdentity NationalIdentity `json:"nationalIdentity"`
	Ext              Ext              `json:"ext,omitempty"`
	SD               []string         `json:"_sd,omitempty"`
}

// NationalIdentity says how far administrators depend on a national digital identity to sign in.
type NationalIdentity struct {
	Dependence Dependence `json:"dependence"`
	Scheme     string     `json:"scheme,omitempty"` // a code
}

// Dependence is how far one depends on something.
type Dependence string

// The degrees of dependence.
const (
	DependenceNone     Dependence = "none"     // it isn't used
	DependenceOptional Dependence = "optional" // there is another way
	DependenceRequired Dependence = "required" // there is no other way
	DependenceUnstated Dependence = Unstated
)

// DependencyDeclared says what the region needs from outside the country to go on running.
type DependencyDeclared struct {
	Need               string        `json:"need"` // a code
	Provider           *Organisation `json:"provider,omitempty"`
	Countries          []string      `json:"countries"` // that it is provided from
	Region             string        `json:"region,omitempty"`
	RunsWithoutSeconds Integer       `json:"runsWithoutSeconds"` // 0: not at all; ten years, the most: for good
	Tested             Time          `json:"tested,omitzero"`    // when that was last tried
	Ext                Ext           `json:"ext,omitempty"`
	SD                 []string      `json:"_sd,omitempty"`
}

// StaffingReported says who works at the facility, in numbers.
type StaffingReported struct {
	Period    Window      `json:"period"`
	HeadCount []HeadCount `json:"headCount"` // not nil: empty says that nobody works there
	Trainees  Integer     `json:"trainees"`  // in no head count
	Ext       Ext         `json:"ext,omitempty"`
	SD        []string    `json:"_sd,omitempty"`
}

// HeadCount is how many people of a kind there are at the end of a period.
type HeadCount struct {
	Function    string      `json:"function"` // a code
	Citizenship Citizenship `json:"citizenship"`
	Engagement  Engagement  `json:"engagement"`
	Count       Integer     `json:"count"`
}

// Citizenship is a person's standing in the facility's country.
type Citizenship string

// The kinds of citizenship.
const (
	CitizenshipCitizen  Citizenship = "citizen"
	CitizenshipResident Citizenship = "resident"
	CitizenshipForeign  Citizenship = "foreign"
)

// Engagement is where a person was hired.
type Engagement string

// The kinds of engagement.
const (
	EngagementLocal      Engagement = "local"
	EngagementExpatriate Engagement = "expatriate"
)

// IncidentReported reports an incident, once at each stage.
type IncidentReported struct {
	Incident    string           `json:"incident"` // its number with the operator, the same at each stage
	Stage       IncidentStage    `json:"stage"`
	Severity    IncidentSeverity `json:"severity"`
	Detected    Time             `json:"detected"`
	Kind        string           `json:"kind,omitempty"`   // a code
	Assets      []string         `json:"assets,omitempty"` // aliases
	DataClasses []string         `json:"dataClasses,omitempty"`
	Tenants     []string         `json:"tenants,omitempty"` // aliases
	Ext         Ext              `json:"ext,omitempty"`
	SD          []string         `json:"_sd,omitempty"`
}

// IncidentStage is how far the account of an incident has come.
type IncidentStage string

// The stages of a report.
const (
	IncidentInitial     IncidentStage = "initial"     // that it happened
	IncidentParticulars IncidentStage = "particulars" // what is known
	IncidentFinal       IncidentStage = "final"       // how it ended
)

// IncidentSeverity is how bad an incident is, as far as is known.
type IncidentSeverity string

// The severities.
const (
	IncidentLow      IncidentSeverity = "low"
	IncidentMedium   IncidentSeverity = "medium"
	IncidentHigh     IncidentSeverity = "high"
	IncidentCritical IncidentSeverity = "critical"
)
