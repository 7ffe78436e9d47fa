package events

// AccessCompelled says that a government or a third party demanded access.
type AccessCompelled struct {
	Demand     string        `json:"demand"` // its number with the operator, salted where it could identify someone
	By         CompelledBy   `json:"by"`
	Country    string        `json:"country"` // under whose law
	Instrument Instrument    `json:"instrument"`
	Scope      DemandScope   `json:"scope"`
	Answer     DemandOutcome `json:"answer"`
	AccessID   string        `json:"accessId,omitempty"` // of what was done to answer it
	Ext        Ext           `json:"ext,omitempty"`
	SD         []string      `json:"_sd,omitempty"`
}

// CompelledBy is who demands access.
type CompelledBy string

// Those who demand access.
const (
	CompelledByGovernment CompelledBy = "government"
	CompelledByThirdParty CompelledBy = "third_party"
)

// DemandOutcome is what became of a demand so far.
type DemandOutcome string

// What became of a demand.
const (
	DemandPending   DemandOutcome = "pending"
	DemandComplied  DemandOutcome = "complied"
	DemandPartly    DemandOutcome = "partly"
	DemandRefused   DemandOutcome = "refused"
	DemandContested DemandOutcome = "contested"
)

// DemandScope is what a demand reaches; what is empty is not bounded.
type DemandScope struct {
	DataClasses []string `json:"dataClasses"`       // not nil
	Tenants     []string `json:"tenants,omitempty"` // aliases
	Assets      []string `json:"assets,omitempty"`  // aliases
	Window      *Window  `json:"window,omitempty"`  // that it asks about
}

// AccessCommitted binds a batch of native records that are not shown. An order to produce opens some of them:
// [AccessProduced].
type AccessCommitted struct {
	Batch  string       `json:"batch"`
	Root   string       `json:"root"`   // digest: RFC 9162, section 2.1, over the salted native records in their order
	Count  Integer      `json:"count"`  // of native records
	Totals []ClassTotal `json:"totals"` // at least one; together they are Count
	Window Window       `json:"window"`
	System string       `json:"system,omitempty"` // that keeps the records
	Ext    Ext          `json:"ext,omitempty"`
	SD     []string     `json:"_sd,omitempty"`
}

// ClassTotal is how many native records of a class there are.
type ClassTotal struct {
	Class string  `json:"class"` // a code
	Count Integer `json:"count"`
}

// AccessProduced says what of a committed batch an order asked for, and proves that what was handed over belongs to it.
type AccessProduced struct {
	Order     string           `json:"order"`     // its number
	Authority string           `json:"authority"` // who ordered it
	Batch     string           `json:"batch"`
	Root      string           `json:"root"`    // that the batch was committed to
	Asked     Integer          `json:"asked"`   // how many records
	Records   []ProducedRecord `json:"records"` // not nil; fewer than Asked says that the rest was not produced
	Ext       Ext              `json:"ext,omitempty"`
	SD        []string         `json:"_sd,omitempty"`
}

// ProducedRecord is a record that was handed over, and where it stands in its batch.
type ProducedRecord struct {
	Index  Integer  `json:"index"`  // from 0
	Digest string   `json:"digest"` // hash of its leaf
	Proof  []string `json:"proof"`  // of inclusion, from the leaf up; not nil
}

// AccessDisclosed says that disclosures which an order asked for have been handed over, encrypted to the authority.
type AccessDisclosed struct {
	Order       string    `json:"order"`       // its number
	Authority   string    `json:"authority"`   // who ordered it
	Event       RefFields `json:"event"`       // whose disclosures they are
	Disclosures []string  `json:"disclosures"` // digests, as _sd has them; not nil; what is missing was not handed over
	Ext         Ext       `json:"ext,omitempty"`
}
