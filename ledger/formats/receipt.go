package formats

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Receipt says that a leaf stands in a ledger for good: the leaf, and the proof
// that a signed checkpoint covers it. It is written as a tlog-proof
// (https://c2sp.org/tlog-proof) whose extra data is the leaf.
type Receipt struct {
	Index      uint64
	Leaf       []byte
	Proof      tlog.RecordProof
	Checkpoint []byte
}

const (
	ReceiptHeader = "c2sp.org/tlog-proof@v1\n"
	MaxLeaf       = 16 << 10
	MaxProof      = 63
)

// Marshal returns the receipt as a tlog-proof.
func (r *Receipt) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(ReceiptHeader)
	fmt.Fprintf(&b, "extra %s\n", base64.StdEncoding.EncodeToString(r.Leaf))
	fmt.Fprintf(&b, "index %d\n", r.Index)
	for _, h := range r.Proof {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(r.Checkpoint)
	return b.Bytes()
}

// ParseReceipt reads a receipt. It proves nothing: see [Log.VerifyReceipt].
func ParseReceipt(b []byte) (*Receipt, error) {
	r := &Receipt{}
	rest, ok := bytes.CutPrefix(b, []byte(ReceiptHeader))
	if !ok {
		return nil, errors.New("receipt: the first line is not c2sp.org/tlog-proof@v1")
	}
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	extra, ok := bytes.CutPrefix(line, []byte("extra "))
	if !ok {
		return nil, errors.New("receipt: want the line \"extra\" with the leaf")
	}
	var err error
	if r.Leaf, err = DecodeLine(extra); err != nil || len(r.Leaf) > MaxLeaf {
		return nil, errors.New("receipt: the leaf is not base64, or too long")
	}
	line, rest, _ = bytes.Cut(rest, []byte("\n"))
	index, ok := bytes.CutPrefix(line, []byte("index "))
	if r.Index, err = strconv.ParseUint(string(index), 10, 63); !ok || err != nil || strconv.FormatUint(r.Index, 10) != string(index) {
		return nil, errors.New("receipt: want the line \"index\" with a decimal number")
	}
	if r.Proof, r.Checkpoint, err = CutHashes(rest, MaxProof); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return r, nil
}

// VerifyReceipt checks that r's checkpoint is l's and covers r's leaf at r's
// index, and returns the leaf. The caller compares the leaf with what it sent.
func (l *Log) VerifyReceipt(r *Receipt) (*Leaf, *Checkpoint, error) {
	cp, err := l.OpenCheckpoint(r.Checkpoint)
	if err != nil {
		return nil, nil, fmt.Errorf("receipt: %w", err)
	}
	leaf, err := r.VerifyUnder(cp)
	if err != nil {
		return nil, nil, fmt.Errorf("receipt: %w", err)
	}
	return leaf, cp, nil
}

// VerifyUnder checks r's proof under a checkpoint that was opened already.
func (r *Receipt) VerifyUnder(cp *Checkpoint) (*Leaf, error) {
	leaf, err := ParseLeaf(r.Leaf)
	if err != nil {
		return nil, err
	}
	if r.Index >= cp.Size {
		return nil, fmt.Errorf("leaf %d is not in a tree of %d leaves", r.Index, cp.Size)
	}
	if err := tlog.CheckRecord(r.Proof, int64(cp.Size), cp.Root, int64(r.Index), tlog.RecordHash(r.Leaf)); err != nil {
		return nil, fmt.Errorf("the inclusion proof of leaf %d does not lead to the root of the checkpoint of size %d", r.Index, cp.Size)
	}
	return leaf, nil
}
