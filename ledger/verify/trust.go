package verify

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Trust is an auditor's or an operator's own statement of whom to believe. It is
// written by hand, or by the authority and then looked at and pinned; it is
// never taken from what is being verified.
type Trust struct {
	V int `json:"v"`
	// Ledgers are the trees whose checkpoints are believed.
	Ledgers []TrustedLedger `json:"ledgers"`
	// Rekors are the logs in which anchors are believed.
	Rekors []TrustedRekor `json:"rekors,omitempty"`
	// Witnesses says who runs the witnesses that ledgers' policies name. One that isn't
	// here is somebody of whom nothing is known.
	Witnesses []TrustedWitness `json:"witnesses,omitempty"`
	// Timestamps are the timestamp authorities that are believed.
	Timestamps []TrustedAuthority `json:"timestamps,omitempty"`
	// Custodians are those whose word about the custody of evidence is believed.
	Custodians []TrustedCustodian `json:"custodians,omitempty"`
}

// TrustedLedger names one tree.
type TrustedLedger struct {
	Origin string `json:"origin"`
	// Key is the log's verifier key (https://c2sp.org/signed-note).
	Key string `json:"key"`
	// Genesis is the RFC 6962 hash of leaf 0, which fixes the authorities' keys
	// and the first rule set.
	Genesis tlog.Hash `json:"genesis"`
	// Owner says who runs the ledger, for reports.
	Owner string `json:"owner,omitempty"`
	// AnchorKeys are those with which the ledger signs what it puts into a Rekor:
	// ECDSA P-256, as PEM or as the base64 of the DER SubjectPublicKeyInfo.
	AnchorKeys []string `json:"anchorKeys,omitempty"`
	// WitnessPolicy says which witnesses are believed, and how many of them must have
	// cosigned a checkpoint for it to count (https://c2sp.org/tlog-policy). It is the
	// reader's own, whatever the genesis says. Empty: none is.
	WitnessPolicy string `json:"witnessPolicy,omitempty"`
}

// TrustedWitness is a witness, and whose it is.
type TrustedWitness struct {
	// Key is its verifier key, of the type 0x04 (https://c2sp.org/tlog-cosignature).
	Key string `json:"key"`
	// Owner says who runs it.
	Owner string `json:"owner,omitempty"`
	// Independent says that its owner is nobody whom the evidence is about.
	Independent bool `json:"independent,omitzero"`
}

// ParseTrust reads a trust file, strictly: a field it doesn't know could be one
// that should have stopped it.
func ParseTrust(b []byte) (*Trust, error) {
	t := &Trust{}
	if err := jsonv2.Unmarshal(b, t, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("it is not a trust file, as saksi trust writes it: %w", err)
	}
	if t.V == 0 {
		return nil, fmt.Errorf("it is not a trust file, as saksi trust writes it: it has no v")
	}
	if t.V != 1 {
		return nil, fmt.Errorf("trust file: version %d: this program knows 1", t.V)
	}
	if len(t.Ledgers) == 0 {
		return nil, fmt.Errorf("trust file: it names no ledger")
	}
	for i := range t.Ledgers {
		l := &t.Ledgers[i]
		if first, _ := t.Ledger(l.Origin); first != l {
			return nil, fmt.Errorf("trust file: it names the ledger %s twice", l.Origin)
		}
		log, err := l.Log()
		if err != nil {
			return nil, fmt.Errorf("trust file: ledger %s: %w", l.Origin, err)
		}
		if log.Origin() != l.Origin {
			return nil, fmt.Errorf("trust file: ledger %s has a key of %s", l.Origin, log.Origin())
		}
		if _, err := l.ParseAnchorKeys(); err != nil {
			return nil, fmt.Errorf("trust file: ledger %s: %w", l.Origin, err)
		}
		if _, err := l.Witnesses(); err != nil {
			return nil, fmt.Errorf("trust file: ledger %s: %w", l.Origin, err)
		}
	}
	for i, w := range t.Witnesses {
		if _, err := formats.NewCosigner(w.Key); err != nil {
			return nil, fmt.Errorf("trust file: %w", err)
		}
		if first, _ := t.Witness(w.Key); first != &t.Witnesses[i] {
			return nil, fmt.Errorf("trust file: it names the witness %s twice", w.Key)
		}
	}
	for _, c := range t.Custodians {
		if _, err := events.ParsePublicKey(c.Key); err != nil || c.Name == "" {
			return nil, fmt.Errorf("trust file: custodian %q: it has no name, or its key is none", c.Name)
		}
	}
	names := map[string]bool{}
	for i := range t.Timestamps {
		a := &t.Timestamps[i]
		if err := a.Check(); err != nil {
			return nil, fmt.Errorf("trust file: timestamp authority %q: %w", a.Name, err)
		}
		if names[a.Name] {
			return nil, fmt.Errorf("trust file: it names the timestamp authority %s twice", a.Name)
		}
		names[a.Name] = true
	}
	for i := range t.Rekors {
		r := &t.Rekors[i]
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("trust file: Rekor %s: %w", r.Origin, err)
		}
	}
	return t, nil
}

// Log returns the ledger's identity for checking its checkpoints.
func (l *TrustedLedger) Log() (*formats.Log, error) { return formats.NewLog(l.Key) }

// ParseAnchorKeys returns the keys that the ledger's anchors are signed with.
func (l *TrustedLedger) ParseAnchorKeys() ([]*ecdsa.PublicKey, error) {
	var keys []*ecdsa.PublicKey
	for _, text := range l.AnchorKeys {
		key, err := ParseAnchorKey(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Witnesses returns the policy by which cosignatures on this ledger's checkpoints are
// believed, or nil if none are.
func (l *TrustedLedger) Witnesses() (*formats.Policy, error) {
	if l.WitnessPolicy == "" {
		return nil, nil
	}
	policy, err := formats.ParsePolicy([]byte(l.WitnessPolicy))
	if err != nil {
		return nil, err
	}
	if len(policy.Logs) > 0 && !slices.Contains(policy.Logs, l.Key) {
		return nil, errors.New("its witness policy is for other logs")
	}
	return policy, nil
}

// Witness returns what is known of a witness, by its verifier key.
func (t *Trust) Witness(key string) (*TrustedWitness, bool) {
	for i := range t.Witnesses {
		if t.Witnesses[i].Key == key {
			return &t.Witnesses[i], true
		}
	}
	return nil, false
}

// Ledger returns the trusted ledger of an origin.
func (t *Trust) Ledger(origin string) (*TrustedLedger, bool) {
	for i := range t.Ledgers {
		if t.Ledgers[i].Origin == origin {
			return &t.Ledgers[i], true
		}
	}
	return nil, false
}
