package events

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// What the operator swears to.
const (
	TypeAttestationPeriod = "saksi.attestation.period.v1"

	StatementType       = "https://in-toto.io/Statement/v1"
	PeriodPredicateType = "https://saksi.dev/attestation/period/v1"
)

// Statement is the data of saksi.attestation.period.v1: an in-toto Statement v1 about a recorder.
type Statement struct {
	Type          string             `json:"_type"`
	Subject       []StatementSubject `json:"subject"` // one
	PredicateType string             `json:"predicateType"`
	Predicate     PeriodAttested     `json:"predicate"`
}

// StatementSubject is what a statement is about.
type StatementSubject struct {
	Name   string          `json:"name"` // operator/facility/recorder
	Digest StatementDigest `json:"digest"`
}

// StatementDigest is of the last manifest, or of the recorder's name where there is none, in bare hex.
type StatementDigest struct {
	SHA256 string `json:"sha256"`
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
	digest, ok := strings.CutPrefix(p.Manifest, "sha256:")
	if !ok {
		sum := sha256.Sum256([]byte(p.Recorder))
		digest = hex.EncodeToString(sum[:])
	}
	return Statement{
		Type:          StatementType,
		Subject:       []StatementSubject{{Name: p.Recorder, Digest: StatementDigest{SHA256: digest}}},
		PredicateType: PeriodPredicateType,
		Predicate:     p,
	}
}
