package verify

import (
	"time"

	jsonv2 "github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
)

// Statement is what a bundle proves to whoever wrote the trust file, what it only
// reports somebody's word for, and what it doesn't prove. Its JSON is a contract.
type Statement struct {
	Ledger  StatedLedger   `json:"ledger"`
	Records []StatedRecord `json:"records"`
	Anchors []StatedAnchor `json:"anchors"`
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
	// Count is how many events the envelope has; Events are those that are shown.
	Count   uint64         `json:"count"`
	Events  []StatedEvent  `json:"events"`
	Signers []StatedSigner `json:"signers"`
	// Operator, Facility and Kind are what the registry had declared by then; nil
	// and empty where the recorder is not an operator's.
	Operator *StatedOperator `json:"operator,omitempty"`
	Facility *StatedFacility `json:"facility,omitempty"`
	Declared *StatedRecorder `json:"declared,omitempty"`
	// Received is the ledger's own word.
	Received time.Time `json:"received"`
	// NotBefore and NotAfter bound when the leaf took its place, by Rekors.
	NotBefore []StatedBound `json:"notBefore"`
	NotAfter  []StatedBound `json:"notAfter"`
}

// StatedEvent is an event that is shown. All of it but its place is its recorder's
// word.
type StatedEvent struct {
	Ref      Ref           `json:"ref"`
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
	Registered Ref    `json:"registered"`
	By         string `json:"by"`
	// Revoked is the revocation that the bundle holds, which came later. That there
	// is none says nothing.
	Revoked *StatedRevocation `json:"revoked,omitempty"`
}

// StatedRevocation is the end of a key.
type StatedRevocation struct {
	Event  Ref    `json:"event"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	// From is the time from which the key is held to be in wrong hands, if it is
	// known.
	From time.Time `json:"from,omitzero"`
}

// StatedOperator is an operator as it was admitted.
type StatedOperator struct {
	Operator string `json:"operator"`
	Country  string `json:"country"`
	Name     string `json:"name,omitempty"`
	Event    Ref    `json:"event"`
	By       string `json:"by"`
}

// StatedFacility is a facility as it was declared.
type StatedFacility struct {
	Facility string `json:"facility"`
	Country  string `json:"country"`
	Event    Ref    `json:"event"`
	By       string `json:"by"`
}

// StatedRecorder is a recorder as it was declared.
type StatedRecorder struct {
	Kind  events.RecorderKind `json:"kind"`
	Event Ref                 `json:"event"`
	By    string              `json:"by"`
}

// StatedBound says on which side of a Rekor's entry a leaf stands.
type StatedBound struct {
	Rekor string `json:"rekor"`
	Index uint64 `json:"index"` // of the entry
	// Time is when the entry came, by that Rekor's word; zero if it gives none.
	Time        time.Time `json:"time,omitzero"`
	Independent bool      `json:"independent"`
	// Recorded is the event of the ledger's, before the leaf, that holds the entry;
	// nil where the entry covers the leaf.
	Recorded *Ref `json:"recorded,omitempty"`
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
