package verify

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// maxReceipt is longer than any receipt is: a leaf, 63 hashes and a checkpoint.
const maxReceipt = 256 << 10

// ReadReceipt returns a receipt if a file begins as one does.
func ReadReceipt(r io.ReaderAt) (receipt []byte, ok bool, err error) {
	head := make([]byte, len(formats.ReceiptHeader))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, false, err
	}
	if !bytes.Equal(head, []byte(formats.ReceiptHeader)) {
		return nil, false, nil
	}
	receipt, err = io.ReadAll(io.NewSectionReader(r, 0, maxReceipt))
	return receipt, true, err
}

// ReceiptStatement is what a receipt proves to whoever wrote the trust file.
type ReceiptStatement struct {
	Origin string `json:"origin"`
	// Owner is the trust file's word.
	Owner string `json:"owner,omitempty"`
	// Size and Root are of the checkpoint.
	Size uint64    `json:"size"`
	Root tlog.Hash `json:"root"`
	// Leaf is the leaf's index, and what it says follows.
	Leaf     uint64          `json:"leaf"`
	Subject  string          `json:"subject"`
	Received time.Time       `json:"received"`
	Verdict  formats.Verdict `json:"verdict"`
	Code     string          `json:"code,omitempty"`
	First    uint64          `json:"first,omitempty"`
	Count    uint64          `json:"count,omitempty"`
	Digest   events.Digest   `json:"digest"`
	// Sentences say all of it to people.
	Sentences []Sentence `json:"sentences"`
}

// VerifyReceiptOf checks a receipt by a trust file: that a ledger which that names has signed
// the checkpoint, and that the leaf stands under it. It is safe for concurrent use.
func VerifyReceiptOf(b []byte, trust *Trust) (*ReceiptStatement, error) {
	r, err := formats.ParseReceipt(b)
	if err != nil {
		return nil, err
	}
	ledger, checkpoint, err := trust.OpenCheckpoint(r.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	leaf, err := r.VerifyUnder(checkpoint)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	s := &ReceiptStatement{
		Origin: ledger.Origin, Owner: ledger.Owner, Size: checkpoint.Size, Root: checkpoint.Root, Leaf: r.Index,
		Subject: leaf.Subject, Received: leaf.Received, Verdict: leaf.Verdict, Code: leaf.Code, First: leaf.First, Count: leaf.Count, Digest: leaf.Digest,
	}
	s.Sentences = receiptSentences(s)
	return s, nil
}

// Text returns the sentences for people.
func (s *ReceiptStatement) Text() string { return TextOf(s.Sentences, 0) }

// TextIn is [TextOf] of its sentences.
func (s *ReceiptStatement) TextIn(columns int) string { return TextOf(s.Sentences, columns) }

func receiptSentences(s *ReceiptStatement) []Sentence {
	owner := ""
	if s.Owner != "" {
		owner = ", which is " + safetext.Word(s.Owner) + "'s,"
	}
	what := fmt.Sprintf("a message with the digest %s, rejected as %s", s.Digest, safetext.Word(s.Code))
	switch s.Verdict {
	case formats.Accepted:
		what = fmt.Sprintf("an envelope on %s, accepted as events %d to %d, whose first line has the digest %s", safetext.Word(s.Subject), s.First, s.First+s.Count-1, s.Digest)
	case formats.Duplicate:
		what = fmt.Sprintf("a message on %s that repeats an envelope, whose first line has the digest %s", safetext.Word(s.Subject), s.Digest)
	}
	return []Sentence{
		{Kind: Proven, Text: fmt.Sprintf("The key of the ledger %s%s has signed a tree of %d leaves, and leaf %d of it is %s.", s.Origin, owner, s.Size, s.Leaf, what)},
		{Kind: Said, Text: fmt.Sprintf("The ledger: it was received at %s.", s.Received.Format(time.RFC3339Nano))},
		{Kind: NotProven, Text: "What the events say: the receipt has digests. Whoever has the envelope can compare them."},
	}
}
