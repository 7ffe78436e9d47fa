package events

import (
	"encoding/json"
	"fmt"
	"math/big"
	"time"
)

// What authorities sign, and the ledger of itself: who may say what, with which keys.
const (
	TypeOperatorAdmitted   = "saksi.registry.operator.admitted.v1"
	TypeOperatorSuspended  = "saksi.registry.operator.suspended.v1"
	TypeOperatorReadmitted = "saksi.registry.operator.readmitted.v1"
	TypeKeyAdded           = "saksi.registry.key.added.v1"
	TypeKeyRevoked         = "saksi.registry.key.revoked.v1"
	TypeFacilityDeclared   = "saksi.registry.facility.declared.v1"
	TypeFacilityRetired    = "saksi.registry.facility.retired.v1"
	TypeRecorderDeclared   = "saksi.registry.recorder.declared.v1"
	TypeRecorderRetired    = "saksi.registry.recorder.retired.v1"
	TypeTenantDeclared     = "saksi.registry.tenant.declared.v1"
	TypeEpochOpened        = "saksi.registry.epoch.opened.v1"
	TypeClock              = "saksi.registry.clock.v1"
	TypeAnchorRecorded     = "saksi.registry.anchor.recorded.v1"
	TypeCheckpointCosigned = "saksi.registry.checkpoint.cosigned.v1"
	TypeTimestampRecorded  = "saksi.registry.timestamp.recorded.v1"
)

// OperatorAdmitted lets an operator publish, under these keys.
type OperatorAdmitted struct {
	Operator   string   `json:"operator"`
	Country    string   `json:"country"`              // where it is established
	Name       string   `json:"name,omitempty"`       // as registered there
	Keys       []string `json:"keys"`                 // DER SubjectPublicKeyInfo, base64
	Connection string   `json:"connection,omitempty"` // NATS user, a public nkey
}

// OperatorSuspended stops an operator from publishing.
type OperatorSuspended struct {
	Operator string `json:"operator"`
	Reason   string `json:"reason"`
}

// OperatorReadmitted ends a suspension.
type OperatorReadmitted struct {
	Operator string `json:"operator"`
	Reason   string `json:"reason"`
}

// KeyAdded lets an operator sign with one more key.
type KeyAdded struct {
	Operator string `json:"operator"`
	Key      string `json:"key"` // DER SubjectPublicKeyInfo, base64
}

// KeyRevoked ends a key's validity at the leaf that carries it. From, a time, only raises findings about what the
// key signed after it.
type KeyRevoked struct {
	Operator string `json:"operator"`
	KeyID    string `json:"keyid"`
	From     Time   `json:"from,omitzero"`
	Reason   string `json:"reason"`
}

// FacilityDeclared gives a facility one id for everyone in the jurisdiction. The latest declaration of an id counts as
// a whole, from its leaf on.
type FacilityDeclared struct {
	Facility  string   `json:"facility"`
	Country   string   `json:"country"`
	Landlord  string   `json:"landlord,omitempty"`  // an operator
	Occupants []string `json:"occupants,omitempty"` // operators
	Name      string   `json:"name,omitempty"`      // for people
	State     string   `json:"state,omitempty"`     // or province, or region, of the country
	Address   string   `json:"address,omitempty"`   // postal, on one line
	Regions   []string `json:"regions,omitempty"`   // as providers call them
	TimeZone  string   `json:"timeZone,omitempty"`  // of the IANA database
}

// FacilityRetired ends a facility: its recorders speak no more, until it is declared again.
type FacilityRetired struct {
	Facility string `json:"facility"`
	Reason   string `json:"reason"`
}

// RecorderKind is what a recorder observes.
type RecorderKind string

const (
	RecorderControlPlane RecorderKind = "control-plane"
	RecorderBastion      RecorderKind = "bastion"
	RecorderBadge        RecorderKind = "badge"
	RecorderApprovals    RecorderKind = "approvals"
	RecorderHypervisor   RecorderKind = "hypervisor"
	RecorderDCIM         RecorderKind = "dcim"
	RecorderOther        RecorderKind = "other"
)

// RecorderDeclared says that a source of record is expected to speak, and how often it must attest.
type RecorderDeclared struct {
	Recorder           string       `json:"recorder"` // operator/facility/recorder
	Kind               RecorderKind `json:"kind"`
	AttestEverySeconds Integer      `json:"attestEverySeconds,omitzero"` // zero: it need not
	Signatures         Integer      `json:"signatures,omitzero"`         // on each envelope; zero: one
}

// RecorderRetired ends a recorder: it speaks no more and need not attest, until it is declared again.
type RecorderRetired struct {
	Recorder string `json:"recorder"` // operator/facility/recorder
	Reason   string `json:"reason"`
}

// TenantDeclared says of which sector a customer is, by its alias. Operators choose aliases, and two may have the same
// for different customers: what is declared for one operator counts before what is declared for all of them.
type TenantDeclared struct {
	Tenant   string `json:"tenant"`             // alias, without a slash
	Operator string `json:"operator,omitempty"` // whose alias it is; empty: every one's
	Sector   string `json:"sector"`             // a code
	Country  string `json:"country,omitempty"`  // where the customer is established
}

// EpochReason is what was wrong with the stream at the ledger's last leaf.
type EpochReason string

const (
	EpochMissing   EpochReason = "missing"   // the message at the last leaf's sequence number is gone
	EpochDifferent EpochReason = "different" // it is another message
	EpochReplaced  EpochReason = "replaced"  // the stream is another stream
	EpochGap       EpochReason = "gap"       // messages after it are gone
)

// EpochOpened says, signed by the ledger, that the stream was not what the ledger last saw of it, and where it goes on.
type EpochOpened struct {
	Epoch         Integer     `json:"epoch"`
	PreviousEpoch Integer     `json:"previousEpoch"`
	LastSeq       Integer     `json:"lastSeq"`   // the last with a leaf in the previous epoch
	ResumeSeq     Integer     `json:"resumeSeq"` // the first of this epoch
	Reason        EpochReason `json:"reason"`
	Detail        string      `json:"detail,omitempty"`
}

// Clock is the ledger's own word for the time, so that what is due falls due where nobody speaks.
type Clock struct {
	At Time `json:"at"`
}

// AnchorRecorded says, signed by the ledger, that a checkpoint of this tree stands in a Rekor: leaves after this one
// are later than the Rekor's entry.
type AnchorRecorded struct {
	Rekor          string  `json:"rekor"`                   // origin of the Rekor's checkpoints
	Kind           string  `json:"kind"`                    // hashedrekord 0.0.1 (Rekor v1) or 0.0.2 (Rekor v2)
	LogID          string  `json:"logId"`                   // of the Rekor's key, base64
	Index          Integer `json:"index"`                   // of the entry there
	IntegratedTime Time    `json:"integratedTime,omitzero"` // Rekor v1's word; v2 gives none
	Size           Integer `json:"size"`                    // of this tree at the checkpoint
	Root           string  `json:"root"`                    // of this tree at the checkpoint, base64
	Checkpoint     string  `json:"checkpoint"`              // digest of the signed note, by the log alone
	Entry          string  `json:"entry"`                   // digest of the TransparencyLogEntry as kept
}

// CheckpointCosigned says, signed by the ledger, that a quorum of witnesses has cosigned a checkpoint of this tree. The
// cosignatures prove it: leaves after this one are later than they are.
type CheckpointCosigned struct {
	Size         Integer       `json:"size"` // of this tree at the checkpoint
	Root         string        `json:"root"` // of this tree at the checkpoint, base64
	Cosignatures []Cosignature `json:"cosignatures"`
}

// Cosignature is one witness's, as its line in the signed note has it.
type Cosignature struct {
	Witness   string `json:"witness"`   // name of its key
	Time      Time   `json:"time"`      // by its own word, as it stands in the signature
	Signature string `json:"signature"` // key id, time and signature, base64
}

// TimestampRecorded says, signed by the ledger, that a timestamp authority has signed a time for a checkpoint of this
// tree (RFC 3161): leaves after this one are later than the token.
type TimestampRecorded struct {
	Authority  string  `json:"authority"`  // common name in the certificate of who signed
	Serial     string  `json:"serial"`     // of the token, hexadecimal
	Time       Time    `json:"time"`       // by the authority's word
	Size       Integer `json:"size"`       // of this tree at the checkpoint
	Root       string  `json:"root"`       // of this tree at the checkpoint, base64
	Checkpoint string  `json:"checkpoint"` // digest of the signed note, by the log alone
	Token      string  `json:"token"`      // digest of the token as kept, DER
}

// Integer is a whole number as JSON Schema means it: 1, 1.0 and 10e-1 are the same integer. A plain Go integer
// refuses the last two, so that an event could satisfy its schema and still not be read.
type Integer int64

// UnmarshalJSON reads any spelling of a whole number that fits in 64 bits.
func (i *Integer) UnmarshalJSON(b []byte) error {
	var plain int64
	if err := json.Unmarshal(b, &plain); err == nil {
		*i = Integer(plain)
		return nil
	}
	r, ok := new(big.Rat).SetString(string(b))
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return fmt.Errorf("%.40q is not an integer", b)
	}
	*i = Integer(r.Num().Int64())
	return nil
}

// Time is a moment, written as schemas have it: RFC 3339, in UTC. [time.Time] writes other zones too, and does not
// read a time in which a character is escaped, which JSON allows anywhere.
type Time struct{ time.Time }

// At returns a moment as it is written.
func At(t time.Time) Time { return Time{t.UTC()} }

// MarshalJSON writes the time with the precision it has.
func (t Time) MarshalJSON() ([]byte, error) { return t.UTC().MarshalJSON() }

// UnmarshalJSON reads a time.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return err
	}
	*t = At(at)
	return nil
}
