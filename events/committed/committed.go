// Package committed builds and opens commitments: Merkle trees (RFC 9162, section 2.1)
// over native records that an operator does not show.
//
// A salted record is the RFC 9901 disclosure (section 4.2.1) of a property called native, whose value is the record's text
// as it stands in its log; its leaf is the hash of the disclosure's base64url form. So what an order opens travels as
// any other disclosure does, encrypted, and is held to the root that was published. The package is pure, as events is.
//
// Not here: where records are stored and how they are sent. Files, sockets and clocks
// are not used.
package committed

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
)

const (
	// MaxRecords is the most records of a batch: its tree is made in memory, at 64 bytes a record.
	MaxRecords = 1 << 20
	// MaxRecord is the largest salted record, in bytes: it must fit into one message when it is produced.
	MaxRecord = disclosed.MaxContent - 1024

	property = "native"
)

// Salt returns a native record, salted with 128 bits of random. The record must be UTF-8, as JSON is.
func Salt(native []byte, random io.Reader) (events.Disclosure, error) {
	if !utf8.Valid(native) {
		return "", errors.New("the record is not UTF-8")
	}
	d, err := events.NewDisclosure(property, string(native), random)
	if err == nil && len(d) > MaxRecord {
		return "", fmt.Errorf("the record has %d bytes when it is salted: at most %d can be produced on order", len(d), MaxRecord)
	}
	return d, err
}

// Native returns the native record within a salted one.
func Native(d events.Disclosure) ([]byte, error) {
	name, value, err := d.Open()
	if err != nil {
		return nil, err
	}
	text, ok := value.(string)
	if !ok || name != property {
		return nil, fmt.Errorf("it discloses %.80q: want the text of a property %q", name, property)
	}
	return []byte(text), nil
}

// Leaf returns the hash of a salted record's leaf.
func Leaf(d events.Disclosure) events.Digest { return events.Digest(tlog.RecordHash([]byte(d))) }

// Tree is the tree over a batch. The zero Tree is empty. It is for one goroutine.
type Tree struct {
	count  int64
	stored []tlog.Hash // in the order of [tlog.StoredHashIndex]
}

// Append adds a leaf.
func (t *Tree) Append(leaf events.Digest) error {
	if t.count == MaxRecords {
		return fmt.Errorf("more than %d records in a batch", MaxRecords)
	}
	hashes, err := tlog.StoredHashesForRecordHash(t.count, tlog.Hash(leaf), t)
	if err != nil {
		return err
	}
	t.stored = append(t.stored, hashes...)
	t.count++
	return nil
}

// Count returns how many leaves there are.
func (t *Tree) Count() int64 { return t.count }

// Root returns the tree's root.
func (t *Tree) Root() (events.Digest, error) {
	root, err := tlog.TreeHash(t.count, t)
	return events.Digest(root), err
}

// Prove returns what an answer to an order says of a record: that its leaf stands at index in the tree.
func (t *Tree) Prove(index int64) (events.ProducedRecord, error) {
	if index < 0 || index >= t.count {
		return events.ProducedRecord{}, fmt.Errorf("there is no record %d: the batch has %d", index, t.count)
	}
	leaf, err := t.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return events.ProducedRecord{}, err
	}
	proof, err := tlog.ProveRecord(t.count, index, t)
	if err != nil {
		return events.ProducedRecord{}, err
	}
	record := events.ProducedRecord{Index: events.Integer(index), Digest: events.Digest(leaf[0]).String(), Proof: []string{}}
	for _, hash := range proof {
		record.Proof = append(record.Proof, events.Digest(hash).String())
	}
	return record, nil
}

// ReadHashes implements [tlog.HashReader].
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at < 0 || at >= int64(len(t.stored)) {
			return nil, fmt.Errorf("there is no hash %d in the tree over a batch", at)
		}
		out[i] = t.stored[at]
	}
	return out, nil
}

// Belongs checks that a record stands in the batch of count records with this root (RFC 9162, section 2.1.3).
func Belongs(root string, count int64, record *events.ProducedRecord) error {
	top, err := events.ParseDigest(root)
	if err != nil {
		return err
	}
	leaf, err := events.ParseDigest(record.Digest)
	if err != nil {
		return err
	}
	if record.Index < 0 || int64(record.Index) >= count {
		return fmt.Errorf("there is no record %d: the batch has %d", record.Index, count)
	}
	proof := make(tlog.RecordProof, len(record.Proof))
	for i, text := range record.Proof {
		hash, err := events.ParseDigest(text)
		if err != nil {
			return err
		}
		proof[i] = tlog.Hash(hash)
	}
	return tlog.CheckRecord(proof, count, tlog.Hash(top), int64(record.Index), tlog.Hash(leaf))
}
