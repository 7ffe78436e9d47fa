package events

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// What the operator swears to.
const (
	TypeAttestationPeriod     = "saksi.attestation.period.v1"
	TypeAttestationControl    = "saksi.attestation.control.v1"
	TypeAttestationBlindspot  = "saksi.attestation.blindspot.v1"
	TypeAttestationCorrection = "saksi.attestation.correction.v1"
	TypeAttestationResponse   = "saksi.attestation.response.v1"

	StatementType           = "https://in-toto.io/Statement/v1"
	PeriodPredicateType     = "https://saksi.dev/attestation/period/v1"
	ControlPredicateType    = "https://saksi.dev/attestation/control/v1"
	BlindspotPredicateType  = "https://saksi.dev/attestation/blindspot/v1"
	CorrectionPredicateType = "https://saksi.dev/attestation/correction/v1"
	ResponsePredicateType   = "https://saksi.dev/attestation/response/v1"
)

// StatementOf is the data of an attestation: an in-toto Statement v1 about a recorder.
type StatementOf[Predicate any] struct {
	Type          string             `json:"_type"`
	Subject       []StatementSubject `json:"subject"` // one
	PredicateType string             `json:"predicateType"`
	Predicate     Predicate          `json:"predicate"`
}

// Statement is the data of saksi.attestation.period.v1.
type Statement = StatementOf[PeriodAttested]

// StatementSubject is what a statement is about.
type StatementSubject struct {
	Name   string          `json:"name"` // operator/facility/recorder
	Digest StatementDigest `json:"digest"`
}

// StatementDigest binds a statement to its subject, in bare hex: of the last manifest where a period is attested, of
// the event line that a correction is about, else of the recorder's name.
type StatementDigest struct {
	SHA256 string `json:"sha256"`
}

// statement makes a statement about a recorder, bound by digest where that is one, and else by the recorder's name.
func statement[P any](predicateType, recorder, digest string, predicate P) StatementOf[P] {
	bare, ok := strings.CutPrefix(digest, digestPrefix)
	if !ok {
		sum := sha256.Sum256([]byte(recorder))
		bare = hex.EncodeToString(sum[:])
	}
	return StatementOf[P]{
		Type:          StatementType,
		Subject:       []StatementSubject{{Name: recorder, Digest: StatementDigest{SHA256: bare}}},
		PredicateType: predicateType,
		Predicate:     predicate,
	}
}

// PeriodAttested says of a recorder and a period: this is all there was.
type PeriodAttested struct {
	Recorder    string  `json:"recorder"`
	Incarnation Integer `json:"incarnation"`
	From        Time    `json:"from"`               // within the period
	To          Time    `json:"to"`                 // outside it
	First       Integer `json:"first,omitzero"`     // sequence number; zero: there was none
	Last        Integer `json:"last,omitzero"`      // sequence number; zero: there was none
	Count       Integer `json:"count"`              // 0 says that nobody touched it
	Manifest    string  `json:"manifest,omitempty"` // digest of the last one
}

// Statement returns the attestation as an in-toto statement.
func (p PeriodAttested) Statement() Statement {
	return statement(PeriodPredicateType, p.Recorder, p.Manifest, p)
}

// ControlAttested says how far a control is in place.
type ControlAttested struct {
	Recorder  string        `json:"recorder"`
	Control   string        `json:"control"`             // a code
	Framework string        `json:"framework,omitempty"` // that asks for it, and its number there
	Status    ControlStatus `json:"status"`
	Period    *Window       `json:"period,omitempty"`   // in which it was so
	Assessor  *Organisation `json:"assessor,omitempty"` // nil: the operator itself
	Evidence  []string      `json:"evidence,omitempty"` // digests of salted papers
}

// ControlStatus is how far a control is in place.
type ControlStatus string

// How far a control can be in place.
const (
	ControlInPlace    ControlStatus = "in_place"
	ControlPartly     ControlStatus = "partly"
	ControlNotInPlace ControlStatus = "not_in_place"
)

// Statement returns the attestation as an in-toto statement.
func (c ControlAttested) Statement() StatementOf[ControlAttested] {
	return statement(ControlPredicateType, c.Recorder, "", c)
}

// BlindspotAttested says what a recorder doesn't record. Lawful secrecy is declared by everyone at admission, so that
// declaring it says nothing.
type BlindspotAttested struct {
	Recorder   string `json:"recorder"`
	Unrecorded string `json:"unrecorded"` // a code
	Why        string `json:"why"`        // a code
	From       Time   `json:"from"`
	Until      Time   `json:"until,omitzero"` // zero: no end is known
}

// Statement returns the attestation as an in-toto statement.
func (b BlindspotAttested) Statement() StatementOf[BlindspotAttested] {
	return statement(BlindspotPredicateType, b.Recorder, "", b)
}

// CorrectionAttested says that an event was wrong, and which one, if any, says it rightly. Both stay.
type CorrectionAttested struct {
	Event    EventReference   `json:"event"`
	Action   CorrectionAction `json:"action"`
	By       *EventReference  `json:"by,omitempty"` // nil where the event is withdrawn
	Reason   string           `json:"reason"`       // a code
	Approver Actor            `json:"approver"`
}

// CorrectionAction is what becomes of a wrong event.
type CorrectionAction string

// What becomes of a wrong event.
const (
	CorrectionReplaced  CorrectionAction = "replaced"
	CorrectionWithdrawn CorrectionAction = "withdrawn"
)

// EventReference names an event that a recorder said.
type EventReference struct {
	Recorder string `json:"recorder"`
	ID       string `json:"id"`
	Digest   string `json:"digest"` // of its line
}

// Replacing corrects event by another.
func Replacing(event, by EventReference, reason string, approver Actor) CorrectionAttested {
	return CorrectionAttested{Event: event, Action: CorrectionReplaced, By: &by, Reason: reason, Approver: approver}
}

// Withdrawing corrects an event for which there is no other.
func Withdrawing(event EventReference, reason string, approver Actor) CorrectionAttested {
	return CorrectionAttested{Event: event, Action: CorrectionWithdrawn, Reason: reason, Approver: approver}
}

// Statement returns the attestation as an in-toto statement about the event's recorder and line.
func (c CorrectionAttested) Statement() StatementOf[CorrectionAttested] {
	return statement(CorrectionPredicateType, c.Event.Recorder, c.Event.Digest, c)
}

// ResponseAttested is what the operator says to a finding.
type ResponseAttested struct {
	Recorder string           `json:"recorder"` // that the finding is about
	Finding  string           `json:"finding"`  // its id
	Answer   FindingAnswer    `json:"answer"`
	Reason   string           `json:"reason,omitempty"` // a code
	Until    Time             `json:"until,omitzero"`   // when it will be put right
	Events   []EventReference `json:"events,omitempty"`
	Evidence []string         `json:"evidence,omitempty"` // digests of salted papers
}

// FindingAnswer is an operator's stand on a finding.
type FindingAnswer string

// An operator's stands on a finding.
const (
	AnswerExplained FindingAnswer = "explained" // it is as it should be
	AnswerAccepted  FindingAnswer = "accepted"  // it is not
	AnswerCorrected FindingAnswer = "corrected" // it no longer is
	AnswerDisputed  FindingAnswer = "disputed"  // it is not so
)

// Statement returns the attestation as an in-toto statement.
func (r ResponseAttested) Statement() StatementOf[ResponseAttested] {
	return statement(ResponsePredicateType, r.Recorder, "", r)
}
