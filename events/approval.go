package events

// AccessRequested asks for an access before it is had.
type AccessRequested struct {
	Request  string   `json:"request"`            // its number with the operator, salted where it could identify someone
	AccessID string   `json:"accessId,omitempty"` // as in SessionOpened
	Actor    Actor    `json:"actor"`              // who is to have access
	Mode     Mode     `json:"mode"`
	Reason   Reason   `json:"reason"`
	Window   Window   `json:"window"`
	Tenant   string   `json:"tenant,omitempty"`
	Assets   []string `json:"assets,omitempty"`
	Ext      Ext      `json:"ext,omitempty"`
	SD       []string `json:"_sd,omitempty"`
}

// AccessDecided is the data of access.approved and access.denied.
type AccessDecided struct {
	Request   string    `json:"request"`
	AccessID  string    `json:"accessId,omitempty"`
	DecidedBy DecidedBy `json:"decidedBy"`
	Decider   *Actor    `json:"decider,omitempty"`
	Window    *Window   `json:"window,omitempty"` // of an approval, where it differs from what was asked for
	Ext       Ext       `json:"ext,omitempty"`
	SD        []string  `json:"_sd,omitempty"`
}

// AccessRevoked takes granted access back.
type AccessRevoked struct {
	Request   string    `json:"request"`
	AccessID  string    `json:"accessId,omitempty"`
	DecidedBy DecidedBy `json:"decidedBy"`
	Decider   *Actor    `json:"decider,omitempty"`
	Reason    *Reason   `json:"reason,omitempty"`
	Ext       Ext       `json:"ext,omitempty"`
	SD        []string  `json:"_sd,omitempty"`
}

// AccessExtended makes granted access longer.
type AccessExtended struct {
	Request   string    `json:"request"`
	AccessID  string    `json:"accessId,omitempty"`
	DecidedBy DecidedBy `json:"decidedBy"`
	Decider   *Actor    `json:"decider,omitempty"`
	Window    Window    `json:"window"` // that holds from now on
	Reason    *Reason   `json:"reason,omitempty"`
	Ext       Ext       `json:"ext,omitempty"`
	SD        []string  `json:"_sd,omitempty"`
}

// AccessExpired says that granted access ran out.
type AccessExpired struct {
	Request   string    `json:"request"`
	AccessID  string    `json:"accessId,omitempty"`
	Window    Window    `json:"window"`              // that has run out
	DecidedBy DecidedBy `json:"decidedBy,omitempty"` // on whose side it had been granted
	Decider   *Actor    `json:"decider,omitempty"`   // who had granted it
	Ext       Ext       `json:"ext,omitempty"`
	SD        []string  `json:"_sd,omitempty"`
}

// Window is a stretch of time.
type Window struct {
	From Time `json:"from"` // within it
	To   Time `json:"to"`   // outside it
}

// DecidedBy is on whose side a decision was made.
type DecidedBy string

const (
	DecidedByOperator  DecidedBy = "operator"
	DecidedByCustomer  DecidedBy = "customer"
	DecidedByAuthority DecidedBy = "authority"
	DecidedByPartner   DecidedBy = "partner"
	DecidedByUnstated  DecidedBy = Unstated
)

// ZonePassed is the data of access.zone.entered and access.zone.left: a door, as a badge system saw it.
type ZonePassed struct {
	Zone     string   `json:"zone"` // an alias
	Door     string   `json:"door"` // an alias
	AccessID string   `json:"accessId,omitempty"`
	Actor    Actor    `json:"actor"`
	Outcome  Outcome  `json:"outcome"` // success, or denied
	Escort   *Escort  `json:"escort,omitempty"`
	Ext      Ext      `json:"ext,omitempty"`
	SD       []string `json:"_sd,omitempty"`
}
