package verify

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/safetext"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Order is proof that a log has signed a tree in which leaves are not in the order of the
// stream: two leaves that follow each other, or the first alone, under one checkpoint. Who
// has the log's key needs nothing else. It proves nothing by being read: see [VerifyOrder].
type Order struct {
	// Index is that of the leaf at which the order is broken.
	Index uint64
	// Before and Leaf are the leaf before it and itself, to the byte. The first leaf has
	// none before it.
	Before, Leaf []byte
	// Hashes are the shared proof of these leaves in the checkpoint's tree.
	Hashes []tlog.Hash
	// Checkpoint is the signed note, further signatures included.
	Checkpoint []byte
}

const (
	orderHead = "saksi order v1\n"
	// maxOrderHashes is two paths in a tree of 2^63.
	maxOrderHashes = 2 * formats.MaxProof
	// MaxOrder is the most bytes that proof of a broken order can have.
	MaxOrder = 2*formats.MaxLeaf + formats.MaxCheckpoint + maxOrderHashes*(tlog.HashSize*2) + 1<<10
)

// IsOrder tells whether a file begins as proof of a broken order does.
func IsOrder(b []byte) bool { return bytes.HasPrefix(b, []byte(orderHead)) }

// Disorder says in what a leaf breaks the order of the stream (docs/formats.md) after the
// one before it, which is nil for leaf 0, or "" where it doesn't.
func Disorder(index uint64, before, leaf *formats.Leaf) string {
	own := leaf.Subject == events.LedgerRecorder.Subject()
	switch {
	case before == nil:
		if leaf.Epoch != 1 || leaf.Seq != 0 {
			return "leaf 0 is not at the start of epoch 1"
		}
	case own && leaf.Epoch == before.Epoch+1: // it opens the epoch
	case leaf.Epoch != before.Epoch:
		return fmt.Sprintf("leaf %d is of epoch %d after epoch %d, which the ledger did not open", index, leaf.Epoch, before.Epoch)
	case own && leaf.Seq != before.Seq:
		return fmt.Sprintf("leaf %d is the ledger's own and has the stream sequence %d after %d", index, leaf.Seq, before.Seq)
	case !own && leaf.Seq <= before.Seq:
		return fmt.Sprintf("leaf %d has the stream sequence %d after %d", index, leaf.Seq, before.Seq)
	}
	return ""
}

// ErrInOrder says that the leaves are in the order of the stream.
var ErrInOrder = errors.New("the leaves are in the order of the stream")

// ProveOrder makes the proof that a leaf of a checkpoint's tree, whose signature was
// checked, is out of order after the one before it: before is nil for leaf 0. hashes are
// the tree's, and are checked against its root. The error is [ErrInOrder] if it is not.
func ProveOrder(c *formats.Checkpoint, index uint64, before, leaf []byte, hashes tlog.HashReader) (*Order, error) {
	o := &Order{Index: index, Before: before, Leaf: leaf, Checkpoint: c.Note}
	var err error
	if o.Hashes, err = formats.ProveLeaves(c.Size, o.indexes(), hashes); err == nil {
		_, _, _, err = o.check(c)
	}
	switch {
	case errors.Is(err, ErrInOrder):
		return nil, ErrInOrder
	case err != nil:
		return nil, fmt.Errorf("prove a broken order: %w", err)
	}
	return o, nil
}

// indexes are those of the leaves that are in it.
func (o *Order) indexes() []uint64 {
	if o.Index == 0 {
		return []uint64{0}
	}
	return []uint64{o.Index - 1, o.Index}
}

// Marshal returns the one written form.
func (o *Order) Marshal() []byte {
	b := strconv.AppendUint([]byte(orderHead), o.Index, 10)
	if o.Index > 0 {
		b = append(append(b, '\n'), o.Before...)
	}
	b = append(append(append(b, '\n'), o.Leaf...), '\n')
	b = append(b, formats.MarshalHashes(o.Hashes)...)
	return append(append(b, '\n'), o.Checkpoint...)
}

// ParseOrder reads proof of a broken order. The result aliases b.
func ParseOrder(b []byte) (*Order, error) {
	o, err := parseOrder(b)
	if err != nil {
		return nil, fmt.Errorf("proof of a broken order: %w", err)
	}
	return o, nil
}

func parseOrder(b []byte) (*Order, error) {
	if len(b) > MaxOrder {
		return nil, fmt.Errorf("%d bytes: the most is %d", len(b), MaxOrder)
	}
	rest, ok := bytes.CutPrefix(b, []byte(orderHead))
	if !ok {
		return nil, fmt.Errorf("the first line is not %q", orderHead[:len(orderHead)-1])
	}
	o := &Order{}
	line, rest, ok := bytes.Cut(rest, []byte("\n"))
	index, err := strconv.ParseUint(string(line), 10, 63)
	if !ok || err != nil || strconv.FormatUint(index, 10) != string(line) {
		return nil, errors.New("the second line is not the index of a leaf")
	}
	o.Index = index
	takeLeaf := func() ([]byte, error) {
		line, after, ok := bytes.Cut(rest, []byte("\n"))
		if !ok || len(line) == 0 || len(line) > formats.MaxLeaf {
			return nil, errors.New("it ends before its leaves, or one of them is too long")
		}
		rest = after
		return line, nil
	}
	if index > 0 {
		if o.Before, err = takeLeaf(); err != nil {
			return nil, err
		}
	}
	if o.Leaf, err = takeLeaf(); err != nil {
		return nil, err
	}
	if o.Hashes, rest, err = formats.CutHashes(rest, maxOrderHashes); err != nil {
		return nil, err
	}
	if o.Checkpoint, rest, ok = CutNote(rest); !ok || len(rest) > 0 {
		return nil, errors.New("the checkpoint is not a signed note, or something follows it")
	}
	return o, nil
}

// check checks all but the signature, of the checkpoint c, and returns the leaves and in
// what the order is broken.
func (o *Order) check(c *formats.Checkpoint) (before, leaf *formats.Leaf, broken string, _ error) {
	if o.Index >= c.Size {
		return nil, nil, "", fmt.Errorf("the checkpoint's tree of %d leaves has no leaf %d", c.Size, o.Index)
	}
	var err error
	if o.Index > 0 {
		if before, err = formats.ParseLeaf(o.Before); err != nil {
			return nil, nil, "", fmt.Errorf("leaf %d: %w", o.Index-1, errors.Unwrap(err))
		}
	}
	if leaf, err = formats.ParseLeaf(o.Leaf); err != nil {
		return nil, nil, "", fmt.Errorf("leaf %d: %w", o.Index, errors.Unwrap(err))
	}
	leaves := map[uint64]tlog.Hash{o.Index: tlog.RecordHash(o.Leaf)}
	if o.Index > 0 {
		leaves[o.Index-1] = tlog.RecordHash(o.Before)
	}
	root, ok := formats.SharedRoot(c.Size, leaves, o.Hashes)
	switch {
	case !ok:
		return nil, nil, "", fmt.Errorf("its %d hashes are not as many as prove leaf %d in a tree of %d", len(o.Hashes), o.Index, c.Size)
	case root != c.Root:
		return nil, nil, "", fmt.Errorf("its leaves and hashes do not lead to the root of the checkpoint of %d leaves", c.Size)
	}
	if broken = Disorder(o.Index, before, leaf); broken == "" {
		return nil, nil, "", ErrInOrder
	}
	return before, leaf, broken, nil
}

// OrderStatement is what proof of a broken order proves to whoever wrote the trust file.
type OrderStatement struct {
	Origin string `json:"origin"`
	// Owner is the trust file's word.
	Owner string `json:"owner,omitempty"`
	// Checkpoint is what the log has signed.
	Checkpoint ForkedCommit `json:"checkpoint"`
	// Index is that of the leaf at which the order is broken, and Broken says in what.
	Index  uint64 `json:"index"`
	Broken string `json:"broken"`
	// Sentences say all of it to people.
	Sentences []Sentence `json:"sentences"`
}

// VerifyOrder checks proof of a broken order by a trust file: that the log which that names
// for the checkpoint's origin has signed it, that both leaves stand in its tree, one after
// the other, and that no ledger's leaves can stand so. It is safe for concurrent use.
func VerifyOrder(b []byte, trust *Trust) (*OrderStatement, error) {
	s, err := verifyOrder(b, trust)
	if err != nil {
		return nil, fmt.Errorf("proof of a broken order: %w", err)
	}
	return s, nil
}

func verifyOrder(b []byte, trust *Trust) (*OrderStatement, error) {
	o, err := parseOrder(b)
	if err != nil {
		return nil, err
	}
	ledger, c, err := trust.openNamed(o.Checkpoint)
	if err != nil {
		return nil, err
	}
	before, leaf, broken, err := o.check(c)
	if err != nil {
		return nil, err
	}
	s := &OrderStatement{Origin: ledger.Origin, Owner: ledger.Owner, Checkpoint: forkedCommit(c), Index: o.Index, Broken: broken}
	s.Sentences = s.sentences(before, leaf)
	return s, nil
}

// Text returns the sentences for people.
func (s *OrderStatement) Text() string { return TextOf(s.Sentences, 0) }

// TextIn is [TextOf] of its sentences.
func (s *OrderStatement) TextIn(columns int) string { return TextOf(s.Sentences, columns) }

// Said returns them.
func (s *OrderStatement) Said() []Sentence { return s.Sentences }

func (s *OrderStatement) sentences(before, leaf *formats.Leaf) []Sentence {
	says := func(index uint64, l *formats.Leaf) string {
		return fmt.Sprintf("leaf %d is of %s, at the sequence %d of epoch %d, received at %s", index, safetext.Word(l.Subject), l.Seq, l.Epoch, at(l.Received))
	}
	all := []Sentence{
		{Kind: Proven, Text: fmt.Sprintf("The key of the ledger %s%s has signed a tree whose leaves are not in the order of the stream: %s.", s.Origin, whose(s.Owner), s.Broken)},
		{Kind: Proven, Text: fmt.Sprintf("The tree has %d leaves and the root %s.", s.Checkpoint.Size, s.Checkpoint.Root)},
	}
	if before != nil {
		all = append(all, Sentence{Kind: Said, Text: "The ledger says: " + says(s.Index-1, before) + "; " + says(s.Index, leaf) + "."})
	} else {
		all = append(all, Sentence{Kind: Said, Text: "The ledger says: " + says(s.Index, leaf) + "."})
	}
	return append(all,
		Sentence{Kind: NotProven, Text: "Which leaf is wrong, and whether a message was put in, left out, moved or told of wrongly."},
		Sentence{Kind: NotProven, Text: "That what the leaves are about was not said: an event's own proofs say by whom it was signed, and as which number of theirs."},
		Sentence{Kind: NotProven, Text: "Why: the ledger's owner meant it, lost the key, or runs a program that has a fault."},
	)
}
