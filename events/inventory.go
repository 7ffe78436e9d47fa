package events

// AssetChanged is the data of facility.asset.added, .moved and .removed: equipment of one model that came, moved or
// left together.
type AssetChanged struct {
	Kind             AssetKind `json:"kind"`
	Model            string    `json:"model"`             // as its maker names it, or unstated
	Count            Integer   `json:"count"`             // at least 1
	Serials          string    `json:"serials,omitempty"` // digest of the salted list of serial numbers
	ExportControlled bool      `json:"exportControlled"`  // its export needs a licence somewhere
	From             Place     `json:"from"`
	To               Place     `json:"to"`
	Assets           []string  `json:"assets,omitempty"` // aliases
	Ext              Ext       `json:"ext,omitempty"`
	SD               []string  `json:"_sd,omitempty"`
}

// AssetKind is what equipment is.
type AssetKind string

// The kinds of equipment.
const (
	AssetServer      AssetKind = "server"
	AssetAccelerator AssetKind = "accelerator"
	AssetStorage     AssetKind = "storage"
	AssetHSM         AssetKind = "hsm"
	AssetNetwork     AssetKind = "network"
)

// Place is where equipment is: a country, and what is known within it.
type Place struct {
	Country  string `json:"country"`
	Facility string `json:"facility,omitempty"` // as registered
	Zone     string `json:"zone,omitempty"`     // an alias
}

// ResidencyDeclared says where a class of data lies and is worked on.
type ResidencyDeclared struct {
	DataClass   string   `json:"dataClass"`
	StoredIn    []string `json:"storedIn"`         // countries, with those of copies and backups
	ProcessedIn []string `json:"processedIn"`      // countries, with those it is read from
	Retention   string   `json:"retention"`        // an ISO 8601 duration of years, months or days, or forever
	LegalBasis  string   `json:"legalBasis"`       // a code
	Tenant      string   `json:"tenant,omitempty"` // alias; empty: the data of all of them
	Ext         Ext      `json:"ext,omitempty"`
	SD          []string `json:"_sd,omitempty"`
}

// WorkloadDeclared says what accelerators are used for.
type WorkloadDeclared struct {
	Kind         WorkloadKind  `json:"kind"`
	Accelerators []Accelerator `json:"accelerators"` // at least one
	Purpose      string        `json:"purpose"`      // a code
	DataClasses  []string      `json:"dataClasses"`  // not nil
	Customer     Customer      `json:"customer"`
	Tenant       string        `json:"tenant,omitempty"` // the customer's alias
	Window       *Window       `json:"window,omitempty"` // when it runs
	Assets       []string      `json:"assets,omitempty"` // aliases
	Ext          Ext           `json:"ext,omitempty"`
	SD           []string      `json:"_sd,omitempty"`
}

// WorkloadKind is what accelerators do.
type WorkloadKind string

// The kinds of workload.
const (
	WorkloadTraining  WorkloadKind = "training"
	WorkloadInference WorkloadKind = "inference"
)

// Accelerator is a number of accelerators of one model.
type Accelerator struct {
	Model string  `json:"model"`
	Count Integer `json:"count"`
}

// Customer is whose workload it is, as far as oversight needs to know: never a name.
type Customer struct {
	Sector  string `json:"sector"` // a code
	Country string `json:"country"`
}
