package verify

import (
	"errors"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// maxLogEntry bounds the JSON of a [LogEntry], in bytes.
const maxLogEntry = 256 << 10

// LogEntry is an entry of a Rekor, of version 1 or 2, with what proves that it
// stands there: Sigstore's TransparencyLogEntry in its JSON mapping
// (https://github.com/sigstore/protobuf-specs, sigstore_rekor.proto). Nothing in it
// is verified: see [TrustedRekor.VerifyEntry].
type LogEntry struct {
	// LogIndex counts over all shards of a Rekor v1.
	LogIndex         uint64            `json:"logIndex,string"`
	LogID            logID             `json:"logId"`
	KindVersion      kindVersion       `json:"kindVersion"`
	IntegratedTime   uint64            `json:"integratedTime,string,omitzero"` // seconds since 1970; v1 only
	InclusionPromise *InclusionPromise `json:"inclusionPromise,omitempty"`     // v1 only
	InclusionProof   inclusionProof    `json:"inclusionProof"`
	// CanonicalizedBody is what was logged, over which the leaf's hash is taken.
	CanonicalizedBody []byte `json:"canonicalizedBody"`
}

type logID struct {
	KeyID []byte `json:"keyId"`
}

type kindVersion struct {
	Kind    string `json:"kind"`
	Version string `json:"version"`
}

// InclusionPromise is Rekor v1's signature over the time at which an entry came.
type InclusionPromise struct {
	SignedEntryTimestamp []byte `json:"signedEntryTimestamp"`
}

// inclusionProof repeats the size and root of its checkpoint; they count for
// nothing, but must be the same.
type inclusionProof struct {
	LogIndex   uint64          `json:"logIndex,string"` // in this tree
	RootHash   []byte          `json:"rootHash"`
	TreeSize   uint64          `json:"treeSize,string"`
	Hashes     [][]byte        `json:"hashes"`
	Checkpoint entryCheckpoint `json:"checkpoint"`
}

type entryCheckpoint struct {
	Envelope string `json:"envelope"`
}

// ParseLogEntry reads an entry: strict JSON with no members but those of a
// TransparencyLogEntry, in any order and with white space, as protobuf's JSON
// mapping writes it.
func ParseLogEntry(b []byte) (*LogEntry, error) {
	if len(b) > maxLogEntry {
		return nil, fmt.Errorf("log entry: %d bytes: the most is %d", len(b), maxLogEntry)
	}
	e := &LogEntry{}
	if err := jsonv2.Unmarshal(b, e, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("log entry: not a TransparencyLogEntry in strict JSON: %w", err)
	}
	if p := e.InclusionPromise; p != nil && len(p.SignedEntryTimestamp) == 0 {
		e.InclusionPromise = nil // as good as none, and written so
	}
	p := &e.InclusionProof
	switch {
	case len(p.Hashes) > formats.MaxProof:
		return nil, fmt.Errorf("log entry: an inclusion proof of %d hashes: the most is %d", len(p.Hashes), formats.MaxProof)
	case len(p.RootHash) != tlog.HashSize:
		return nil, fmt.Errorf("log entry: a root hash of %d bytes: want %d", len(p.RootHash), tlog.HashSize)
	case len(e.CanonicalizedBody) == 0:
		return nil, errors.New("log entry: it has no body")
	case max(e.LogIndex, p.LogIndex, p.TreeSize, e.IntegratedTime) > maxTreeSize:
		return nil, fmt.Errorf("log entry: a number above %d", uint64(maxTreeSize))
	}
	for i, h := range p.Hashes {
		if len(h) != tlog.HashSize {
			return nil, fmt.Errorf("log entry: hash %d of its inclusion proof has %d bytes: want %d", i+1, len(h), tlog.HashSize)
		}
	}
	return e, nil
}

// Marshal returns the entry's one written form, in which it is kept, digested and
// put into evidence: members in the order of the fields, no white space, and none
// that is empty. Protobuf's JSON mapping reads it, and writes others.
func (e *LogEntry) Marshal() []byte {
	b, err := jsonv2.Marshal(e)
	if err != nil {
		// Only text that isn't UTF-8 could do it, and that can't have been parsed.
		return nil
	}
	return b
}
