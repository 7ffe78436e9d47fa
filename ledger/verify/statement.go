package verify

import (
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
)

// Statement is what a bundle proves to whoever wrote the trust file, what it only
// reports somebody's word for, and what it doesn't prove. Its JSON is a contract.
type Statement struct {
	Ledger StatedLedger `json:"ledger"`
	// Events, Withheld and Leaves count what the bundle is about.
	Events   int `json:"events"`
	Withheld int `json:"withheld"`
	Leaves   int `json:"leaves"`
	// Records are the leaves that the bundle is about, if they are few enough to be told
	// one by one (100): otherwise [Options] can have them. Groups are about all of them, by
	// recorder.
	Records []StatedRecord `json:"records"`
	Groups  []StatedGroup  `json:"groups"`
	Anchors []StatedAnchor `json:"anchors"`
	// Cosigned are the checkpoints that witnesses of the trust file have cosigned.
	Cosigned []StatedCosigned `json:"cosigned"`
	// Timestamps are those of authorities.
	Timestamps []StatedTimestamp `json:"timestamps"`
	// Sentences say all of it to people.
	Sentences []Sentence `json:"sentences"`
}

// SentenceKind is how far a sentence can be relied on.
type SentenceKind string

// The kinds of sentences.
const (
	// Proven follows from signatures and hashes, by keys in the trust file or that
	// these lead to.
	Proven SentenceKind = "proven"
	// Said is the word of whom the sentence names.
	Said SentenceKind = "said"
	// NotProven is what a reader could take for proven, and isn't.
	NotProven SentenceKind = "not_proven"
)

// Sentence is one finding in English.
type Sentence struct {
	Kind SentenceKind `json:"kind"`
	Text string       `json:"text"`
	data string       // of an event: what it says, whole
}

// StatedLedger is the tree that everything stands in.
type StatedLedger struct {
	Origin string `json:"origin"`
	// Owner is the trust file's word.
	Owner   string    `json:"owner,omitempty"`
	Genesis tlog.Hash `json:"genesis"`
	// Size and Root are of the checkpoint that all receipts are for.
	Size uint64    `json:"size"`
	Root tlog.Hash `json:"root"`
}

// StatedRecord is one leaf that the bundle is about, and events of its envelope.
type StatedRecord struct {
	Leaf        uint64        `json:"leaf"`
	Recorder    string        `json:"recorder"`
	Manifest    events.Digest `json:"manifest"`
	Incarnation uint64        `json:"incarnation"`
	First       uint64        `json:"first"`
	// Count is how many events the envelope has; Events are those that are shown, Withheld
	// those that the bundle is about and doesn't show.
	Count    uint64          `json:"count"`
	Events   []StatedEvent   `json:"events"`
	Withheld []StatedMissing `json:"withheld,omitempty"`
	Signers  []StatedSigner  `json:"signers"`
	// Operator, Facility and Kind are what the registry had declared by then; nil
	// and empty where the recorder is not an operator's.
	Operator *StatedOperator `json:"operator,omitempty"`
	Facility *StatedFacility `json:"facility,omitempty"`
	Declared *StatedRecorder `json:"declared,omitempty"`
	// Received is the ledger's own word.
	Received time.Time `json:"received"`
	// NotBefore and NotAfter bound when the leaf took its place: each by what somebody
	// signed before it, or over it. They are there only where records are told one by one.
	NotBefore []StatedBound `json:"notBefore,omitempty"`
	NotAfter  []StatedBound `json:"notAfter,omitempty"`
	// Interval is what they come to.
	Interval StatedInterval `json:"interval"`
}

// StatedMissing is an event that the bundle is about and doesn't show.
type StatedMissing struct {
	Ref      events.Ref `json:"ref"`
	Sequence uint64     `json:"sequence"`
	// Digest is that which was signed.
	Digest events.Digest `json:"digest"`
}

// StatedGroup is what a bundle is about of one recorder.
type StatedGroup struct {
	Recorder string     `json:"recorder"`
	Leaves   int        `json:"leaves"`
	Events   int        `json:"events"`
	Withheld int        `json:"withheld"`
	First    events.Ref `json:"first"`
	Last     events.Ref `json:"last"`
	// Hidden counts the events of the same envelopes that the bundle isn't about.
	Hidden uint64 `json:"hidden"`
	// Signers are all who signed a leaf of it. Operator, Facility and Declared are those
	// of the last leaf.
	Signers  []StatedSigner  `json:"signers"`
	Operator *StatedOperator `json:"operator,omitempty"`
	Facility *StatedFacility `json:"facility,omitempty"`
	Declared *StatedRecorder `json:"declared,omitempty"`
	// ReceivedFrom and ReceivedTo are the ledger's own word.
	ReceivedFrom time.Time `json:"receivedFrom"`
	ReceivedTo   time.Time `json:"receivedTo"`
	// Interval holds all of its leaves; a side that a leaf lacks is absent.
	Interval StatedInterval `json:"interval"`
	// Outside counts the leaves whose time received, the ledger's word, is outside of their
	// interval by more than [ClockSlack].
	Outside int `json:"outside"`
}

// StatedEvent is an event that is shown. All of it but its place is its recorder's
// word.
type StatedEvent struct {
	Ref      events.Ref    `json:"ref"`
	Sequence uint64        `json:"sequence"`
	Digest   events.Digest `json:"digest"`
	ID       string        `json:"id"`
	Type     string        `json:"type"`
	Subject  string        `json:"subject,omitempty"`
	Time     string        `json:"time,omitempty"`
	Data     jsonv2.Value  `json:"data"`
}

// StatedSigner is a key that signed, and how it is known to be its party's.
type StatedSigner struct {
	KeyID events.KeyID `json:"keyid"`
	// Party is an operator, registry.<authority>, or empty for the ledger.
	Party string `json:"party"`
	// Registered is the event that gave the key to the party, and By the authority
	// that signed it; the genesis's own keys are the trust file's.
	Registered events.Ref `json:"registered"`
	By         string     `json:"by"`
	// Revoked is the revocation that the bundle holds, which came later. That there
	// is none says nothing.
	Revoked *StatedRevocation `json:"revoked,omitempty"`
}

// StatedRevocation is the end of a key.
type StatedRevocation struct {
	Event  events.Ref `json:"event"`
	By     string     `json:"by"`
	Reason string     `json:"reason"`
	// From is the time from which the key is held to be in wrong hands, if it is
	// known.
	From time.Time `json:"from,omitzero"`
}

// StatedOperator is an operator as it was admitted.
type StatedOperator struct {
	Operator string     `json:"operator"`
	Country  string     `json:"country"`
	Name     string     `json:"name,omitempty"`
	Event    events.Ref `json:"event"`
	By       string     `json:"by"`
}

// StatedFacility is a facility as it was declared.
type StatedFacility struct {
	Facility string     `json:"facility"`
	Country  string     `json:"country"`
	Name     string     `json:"name,omitempty"` // for people
	State    string     `json:"state,omitempty"`
	Address  string     `json:"address,omitempty"`
	Event    events.Ref `json:"event"`
	By       string     `json:"by"`
}

// String returns the facility's id and, in brackets, its name in quotes and its state, where it has them. It is
// harmless to print.
func (f *StatedFacility) String() string {
	var about []string
	if f.Name != "" {
		about = append(about, safetext.Quote(f.Name))
	}
	if f.State != "" {
		about = append(about, safetext.Word(f.State))
	}
	if len(about) == 0 {
		return f.Facility
	}
	return f.Facility + " (" + strings.Join(about, ", ") + ")"
}

// StatedRecorder is a recorder as it was declared.
type StatedRecorder struct {
	Kind  events.RecorderKind `json:"kind"`
	Event events.Ref          `json:"event"`
	By    string              `json:"by"`
}

// BoundKind is what kind of signature bounds a leaf in time.
type BoundKind string

// The kinds of bounds.
const (
	ByRekor     BoundKind = "rekor"     // a Rekor's entry
	ByWitness   BoundKind = "witness"   // a witness's cosignature
	ByAuthority BoundKind = "timestamp" // a timestamp authority's token
)

// StatedBound says on which side of somebody's signature a leaf stands.
type StatedBound struct {
	Kind BoundKind `json:"kind"`
	// By names who signed: a Rekor by its origin, a witness by the name of its key, a
	// timestamp authority as the trust file does.
	By string `json:"by"`
	// Owner and Independent are the trust file's word about whom By names. The owner of
	// the ledger is never independent.
	Owner       string `json:"owner,omitempty"`
	Independent bool   `json:"independent"`
	// Time is when that was, by the word of whom By names; zero if it gives none. How far
	// a timestamp says that it may be off is allowed for.
	Time time.Time `json:"time,omitzero"`
	// Size is that of the ledger's checkpoint which was signed.
	Size uint64 `json:"size"`
	// Index is that of a Rekor's entry.
	Index uint64 `json:"index,omitzero"`
	// Recorded is the event of the ledger's, before the leaf, that holds the signature;
	// nil where the checkpoint covers the leaf.
	Recorded *events.Ref `json:"recorded,omitempty"`
}

// StatedInterval is the time within which a leaf took its place: by the word of
// somebody independent where there is one, and else by anybody's in the trust file.
type StatedInterval struct {
	NotBefore *StatedBound `json:"notBefore,omitempty"`
	NotAfter  *StatedBound `json:"notAfter,omitempty"`
	// Contradicts says that the first is later than the second: somebody's clock is
	// wrong, or somebody lies.
	Contradicts bool `json:"contradicts,omitzero"`
	// Outside says that the ledger's own word for when it received the leaf is outside of
	// the interval by more than [ClockSlack].
	Outside bool `json:"outside,omitzero"`
}

// StatedCosigned is a checkpoint of the tree, and who of the trust file's witnesses has
// cosigned it.
type StatedCosigned struct {
	Size uint64 `json:"size"`
	// Quorum says that those are as many as the trust file's policy wants.
	Quorum       bool                `json:"quorum"`
	Cosignatures []StatedCosignature `json:"cosignatures"`
}

// StatedCosignature is one witness's.
type StatedCosignature struct {
	Witness string `json:"witness"` // the name of its key
	Key     string `json:"key"`     // its verifier key
	// Owner and Independent are the trust file's word. The owner of the ledger is never
	// independent.
	Owner       string    `json:"owner,omitempty"`
	Independent bool      `json:"independent"`
	Time        time.Time `json:"time"` // by the witness's word
}

// StatedTimestamp is a time that an authority signed for a checkpoint of the tree.
type StatedTimestamp struct {
	// Believed is false where the trust file names no authority whose token it is. Then
	// nothing was checked but the checkpoint.
	Believed bool `json:"believed"`
	// Authority, Owner and Independent are the trust file's word. The owner of the ledger
	// is never independent.
	Authority   string `json:"authority,omitempty"`
	Owner       string `json:"owner,omitempty"`
	Independent bool   `json:"independent"`
	// Signer is the common name in the certificate that signed, Serial the authority's
	// number of the token, in hexadecimal.
	Signer string `json:"signer,omitempty"`
	Serial string `json:"serial,omitempty"`
	// Time may be off by so many Seconds, by the authority's word.
	Time    time.Time `json:"time,omitzero"`
	Seconds float64   `json:"accuracySeconds,omitzero"`
	// Size is that of the checkpoint.
	Size uint64 `json:"size"`
	// Revocation is what the trust file's revocation lists say of its certificates, if it has
	// any. Revoked is why it isn't believed by them.
	Revocation *Revocation `json:"revocation,omitempty"`
	Revoked    string      `json:"revoked,omitempty"`
}

// StatedAnchor is a checkpoint of the tree that stands in a Rekor.
type StatedAnchor struct {
	// Rekor, Owner and Independent are the trust file's word. The owner of the
	// ledger is never independent.
	Rekor       string `json:"rekor"`
	Owner       string `json:"owner,omitempty"`
	Independent bool   `json:"independent"`
	// Believed is false where the trust file names no such Rekor, or no key that
	// the ledger anchors with. Then nothing was checked but the checkpoint.
	Believed bool      `json:"believed"`
	Kind     string    `json:"kind,omitempty"`
	Index    uint64    `json:"index"`
	Time     time.Time `json:"time,omitzero"` // by that Rekor's word
	// Size is that of the ledger's checkpoint, RekorSize that of the Rekor's.
	Size      uint64 `json:"size"`
	RekorSize uint64 `json:"rekorSize,omitzero"`
}
