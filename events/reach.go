package events

// ChangeDeployed says that a release was rolled out from afar: control without a session.
type ChangeDeployed struct {
	Change     string        `json:"change,omitempty"` // salted where it could identify someone
	Release    string        `json:"release"`          // digest of what was rolled out
	BuiltIn    string        `json:"builtIn"`          // country
	BuiltBy    *Organisation `json:"builtBy,omitempty"`
	Component  string        `json:"component,omitempty"` // a code
	Actor      Actor         `json:"actor"`               // who rolled it out
	ApprovedBy DecidedBy     `json:"approvedBy"`
	Approver   *Actor        `json:"approver,omitempty"`
	Assets     []string      `json:"assets"` // aliases of what it was rolled out to; at least one
	Reason     Reason        `json:"reason"`
	Mode       Mode          `json:"mode,omitempty"`
	From       *From         `json:"from,omitempty"`
	AccessID   string        `json:"accessId,omitempty"` // as in SessionOpened
	Region     string        `json:"region,omitempty"`
	Ext        Ext           `json:"ext,omitempty"`
	SD         []string      `json:"_sd,omitempty"`
}

// DataTransferred says that data went from one country to another.
type DataTransferred struct {
	Session     string       `json:"session,omitempty"`
	AccessID    string       `json:"accessId,omitempty"`
	Actor       Actor        `json:"actor"` // who sent it
	DataClass   string       `json:"dataClass"`
	Bytes       Integer      `json:"bytes"`
	FromCountry string       `json:"fromCountry"`
	ToCountry   string       `json:"toCountry"`
	Recipient   Organisation `json:"recipient"`
	LegalBasis  string       `json:"legalBasis"` // a code
	Reason      Reason       `json:"reason"`
	Tenant      string       `json:"tenant,omitempty"`
	Assets      []string     `json:"assets,omitempty"`
	Ext         Ext          `json:"ext,omitempty"`
	SD          []string     `json:"_sd,omitempty"`
}

// KeyUsed says that a cryptographic key of the facility was used.
type KeyUsed struct {
	Session     string    `json:"session,omitempty"`
	AccessID    string    `json:"accessId,omitempty"`
	Actor       Actor     `json:"actor"`
	Key         string    `json:"key"`       // an alias
	Operation   string    `json:"operation"` // a code
	Custodian   Custodian `json:"custodian"`
	HSM         string    `json:"hsm,omitempty"` // alias of the module that holds it; empty: none does
	Outcome     Outcome   `json:"outcome"`
	Reason      Reason    `json:"reason"`
	Tenant      string    `json:"tenant,omitempty"`
	DataClasses []string  `json:"dataClasses,omitempty"`
	Ext         Ext       `json:"ext,omitempty"`
	SD          []string  `json:"_sd,omitempty"`
}

// KeyCustodyChanged says that a key passed from one custodian to another.
type KeyCustodyChanged struct {
	AccessID   string      `json:"accessId,omitempty"`
	Actor      Actor       `json:"actor"`               // who passed it on
	Key        string      `json:"key"`                 // an alias
	Operation  string      `json:"operation,omitempty"` // a code
	From       Custodian   `json:"from"`
	To         Custodian   `json:"to"`
	HSM        string      `json:"hsm,omitempty"` // that holds it now
	Instrument *Instrument `json:"instrument,omitempty"`
	Reason     Reason      `json:"reason"`
	Tenant     string      `json:"tenant,omitempty"`
	Ext        Ext         `json:"ext,omitempty"`
	SD         []string    `json:"_sd,omitempty"`
}

// Custodian is who can use a key, or have it used.
type Custodian struct {
	Party   Party  `json:"party"`
	Name    string `json:"name"` // as registered, or unstated
	Country string `json:"country"`
}
