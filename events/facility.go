package events

// Who controls compute, the data layer and the identity rails.
const (
	TypeFacilityDescribed  = "saksi.facility.described.v1"
	TypeControlChanged     = "saksi.facility.control.changed.v1"
	TypeIdentityDeclared   = "saksi.facility.identity.declared.v1"
	TypeDependencyDeclared = "saksi.facility.dependency.declared.v1"
	TypeAssetAdded         = "saksi.facility.asset.added.v1"
	TypeAssetMoved         = "saksi.facility.asset.moved.v1"
	TypeAssetRemoved       = "saksi.facility.asset.removed.v1"
	TypeResidencyDeclared  = "saksi.facility.residency.declared.v1"
	TypeStaffingReported   = "saksi.facility.staffing.reported.v1"
	TypeWorkloadDeclared   = "saksi.facility.workload.declared.v1"
	TypeIncidentReported   = "saksi.facility.incident.reported.v1"
)

// FacilityDescribed is the operator's account of the facility that its recorder stands in.
type FacilityDescribed struct {
	Owner           Organisation    `json:"owner"`           // of the premises
	OperatingEntity Organisation    `json:"operatingEntity"` // that runs them, under local law
	UltimateParent  Organisation    `json:"ultimateParent"`  // that controls the operating entity in the end
	Subcontractors  []Subcontractor `json:"subcontractors"`  // not nil: empty says that there are none
	CapacityMW      float64         `json:"capacityMW"`      // of the IT load
	Certifications  []Certification `json:"certifications,omitempty"`
	Training        []Training      `json:"training,omitempty"`
	Ext             Ext             `json:"ext,omitempty"`
	SD              []string        `json:"_sd,omitempty"`
}

// Organisation is a legal entity.
type Organisation struct {
	Name         string `json:"name"`
	Country      string `json:"country"`                // where it is registered
	Registration string `json:"registration,omitempty"` // its number in the register of companies there
}

// Subcontractor is a link in the chain of those with hands on the facility.
type Subcontractor struct {
	Name      string `json:"name"`
	Country   string `json:"country"`             // where it is registered
	Function  string `json:"function"`            // a code
	EngagedBy string `json:"engagedBy,omitempty"` // by name; empty: the operating entity
}

// Certification is a certificate in force.
type Certification struct {
	Scheme     string `json:"scheme"`
	Issuer     string `json:"issuer,omitempty"`
	ValidUntil Time   `json:"validUntil,omitzero"`
}

// Training is a part of the pipeline that trains local people to run the facility.
type Training struct {
	Programme string  `json:"programme"`
	Partner   string  `json:"partner,omitempty"` // school or university
	Trainees  Integer `json:"trainees"`          // now
	Completed Integer `json:"completed"`         // since the last account
	Hired     Integer `json:"hired"`             // of those, by the operator
}
