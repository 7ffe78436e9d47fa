package verify

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Fork is proof that a log has signed two trees of which neither continues the other:
// two checkpoints that contradict each other, and the hashes that show it. Who has the
// log's key needs nothing else. It proves nothing by being read: see [VerifyFork].
type Fork struct {
	// Older and Newer are signed notes, further signatures included. Newer has more
	// leaves, or as many and a root whose bytes are greater.
	Older, Newer []byte
	// Hashes are those of RFC 6962, 2.1.2, SUBPROOF(m, D[n], false), of the older size
	// m in the newer tree: a consistency proof that never leaves the first hash out. It
	// leads to two roots, that of the newer tree, and that which its first m leaves
	// have, which isn't the older checkpoint's. There are none between equal sizes.
	Hashes []tlog.Hash
}

const (
	forkHead = "saksi fork v1\n"
	// MaxFork is the most bytes that proof of a fork can have.
	MaxFork = 2*formats.MaxCheckpoint + 64*(tlog.HashSize*2) + 1<<10
)

// IsFork tells whether a file begins as proof of a fork does.
func IsFork(b []byte) bool { return bytes.HasPrefix(b, []byte(forkHead)) }

// Marshal returns the one written form.
func (f *Fork) Marshal() []byte {
	b := append([]byte(forkHead), formats.MarshalHashes(f.Hashes)...)
	b = append(append(b, '\n'), f.Older...)
	return append(append(b, '\n'), f.Newer...)
}

// ParseFork reads proof of a fork. The result aliases b.
func ParseFork(b []byte) (*Fork, error) {
	f, err := parseFork(b)
	if err != nil {
		return nil, fmt.Errorf("proof of a fork: %w", err)
	}
	return f, nil
}

func parseFork(b []byte) (*Fork, error) {
	if len(b) > MaxFork {
		return nil, fmt.Errorf("%d bytes: the most is %d", len(b), MaxFork)
	}
	rest, ok := bytes.CutPrefix(b, []byte(forkHead))
	if !ok {
		return nil, fmt.Errorf("the first line is not %q", forkHead[:len(forkHead)-1])
	}
	f := &Fork{}
	var err error
	if f.Hashes, rest, err = formats.CutHashes(rest, formats.MaxProof+1); err != nil {
		return nil, err
	}
	if f.Older, rest, ok = CutNote(rest); !ok {
		return nil, errors.New("the first checkpoint is not a signed note")
	}
	if rest, ok = bytes.CutPrefix(rest, []byte("\n")); !ok {
		return nil, errors.New("there is no empty line between the checkpoints")
	}
	if f.Newer, rest, ok = CutNote(rest); !ok || len(rest) > 0 {
		return nil, errors.New("the second checkpoint is not a signed note, or something follows it")
	}
	return f, nil
}

// ErrOneTree says that two checkpoints don't contradict each other.
var ErrOneTree = errors.New("the checkpoints are of one tree")

// ProveFork makes the proof that two checkpoints, whose signatures were checked,
// contradict each other. hashes are those of the larger tree, and are checked against
// its root; between equal sizes it isn't used. The error is [ErrOneTree] if they don't.
func ProveFork(x, y *formats.Checkpoint, hashes tlog.HashReader) (*Fork, error) {
	older, newer := x, y
	if older.Size > newer.Size || older.Size == newer.Size && bytes.Compare(older.Root[:], newer.Root[:]) > 0 {
		older, newer = newer, older
	}
	f := &Fork{Older: older.Note, Newer: newer.Note}
	if older.Size == newer.Size {
		if older.Root == newer.Root {
			return nil, ErrOneTree
		}
		return f, nil
	}
	if older.Size == 0 {
		return nil, ErrOneTree // a tree of no leaves is continued by all
	}
	var err error
	if f.Hashes, err = prefixProof(nil, older.Size, 0, newer.Size, hashes); err != nil {
		return nil, fmt.Errorf("prove a fork: %w", err)
	}
	if _, err := f.check(older, newer); err != nil {
		if errors.Is(err, ErrOneTree) {
			return nil, ErrOneTree
		}
		return nil, fmt.Errorf("prove a fork: %w", err)
	}
	return f, nil
}

// prefixProof appends SUBPROOF(m, D[lo:lo+n], false).
func prefixProof(proof []tlog.Hash, m, lo, n uint64, hashes tlog.HashReader) ([]tlog.Hash, error) {
	if m == n {
		h, err := rangeHash(lo, n, hashes)
		return append(proof, h), err
	}
	k := formats.SplitPoint(n)
	other, size := lo+k, n-k
	var err error
	if m <= k {
		proof, err = prefixProof(proof, m, lo, k, hashes)
	} else {
		proof, err = prefixProof(proof, m-k, lo+k, n-k, hashes)
		other, size = lo, k
	}
	if err != nil {
		return nil, err
	}
	h, err := rangeHash(other, size, hashes)
	return append(proof, h), err
}

// rangeHash returns MTH(D[lo:lo+n]), of a range as trees are split into.
func rangeHash(lo, n uint64, hashes tlog.HashReader) (tlog.Hash, error) {
	var indexes []int64
	for at, left := lo, n; left > 0; {
		level := bits.Len64(left) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, int64(at>>level)))
		at, left = at+1<<level, left-1<<level
	}
	found, err := hashes.ReadHashes(indexes)
	if err != nil {
		return tlog.Hash{}, err
	}
	h := found[len(found)-1]
	for i := len(found) - 2; i >= 0; i-- {
		h = tlog.NodeHash(found[i], h)
	}
	return h, nil
}

// prefixRoots computes, from SUBPROOF(m, D[n], false), the root of the first m leaves
// and that of all n, and returns what is left of the proof.
func prefixRoots(m, n uint64, proof []tlog.Hash) (old, all tlog.Hash, rest []tlog.Hash, ok bool) {
	if m == n {
		if len(proof) == 0 {
			return old, all, nil, false
		}
		return proof[0], proof[0], proof[1:], true
	}
	k := formats.SplitPoint(n)
	left := m <= k
	if left {
		old, all, rest, ok = prefixRoots(m, k, proof)
	} else {
		old, all, rest, ok = prefixRoots(m-k, n-k, proof)
	}
	if !ok || len(rest) == 0 {
		return old, all, nil, false
	}
	if left {
		return old, tlog.NodeHash(all, rest[0]), rest[1:], true
	}
	return tlog.NodeHash(rest[0], old), tlog.NodeHash(rest[0], all), rest[1:], true
}

// check returns the root that the newer tree's first leaves have in the place of the
// older checkpoint's. The checkpoints are those of f.
func (f *Fork) check(older, newer *formats.Checkpoint) (tlog.Hash, error) {
	switch {
	case older.Size == 0:
		return tlog.Hash{}, errors.New("a tree of no leaves contradicts none")
	case older.Size > newer.Size || older.Size == newer.Size && bytes.Compare(older.Root[:], newer.Root[:]) > 0:
		return tlog.Hash{}, errors.New("the checkpoints are not in their order")
	case older.Size == newer.Size && len(f.Hashes) > 0:
		return tlog.Hash{}, errors.New("hashes say nothing between checkpoints of one size")
	case older.Size == newer.Size && older.Root == newer.Root:
		return tlog.Hash{}, ErrOneTree
	case older.Size == newer.Size:
		return newer.Root, nil
	}
	root, all, rest, ok := prefixRoots(older.Size, newer.Size, f.Hashes)
	switch {
	case !ok || len(rest) > 0:
		return root, fmt.Errorf("its %d hashes are not as many as lie between trees of %d and %d leaves", len(f.Hashes), older.Size, newer.Size)
	case all != newer.Root:
		return root, fmt.Errorf("its hashes do not lead to the root of the checkpoint of %d leaves", newer.Size)
	case root == older.Root:
		return root, ErrOneTree
	}
	return root, nil
}

// ForkStatement is what proof of a fork proves to whoever wrote the trust file.
type ForkStatement struct {
	Origin string `json:"origin"`
	// Owner is the trust file's word.
	Owner string       `json:"owner,omitempty"`
	Older ForkedCommit `json:"older"`
	Newer ForkedCommit `json:"newer"`
	// Instead is the root that the first leaves of the newer tree have, as many as the
	// older has, in the place of the older's.
	Instead tlog.Hash `json:"instead"`
	// Sentences say all of it to people.
	Sentences []Sentence `json:"sentences"`
}

// ForkedCommit is what one of the checkpoints commits the log to.
type ForkedCommit struct {
	Size uint64    `json:"size"`
	Root tlog.Hash `json:"root"`
	// Digest is of the signed note, as it stands in the proof.
	Digest events.Digest `json:"digest"`
}

// VerifyFork checks proof of a fork by a trust file: that the log which that names for
// the checkpoints' origin has signed both, and that no tree can have both. It is safe
// for concurrent use.
func VerifyFork(b []byte, trust *Trust) (*ForkStatement, error) {
	s, err := verifyFork(b, trust)
	if err != nil {
		return nil, fmt.Errorf("proof of a fork: %w", err)
	}
	return s, nil
}

func verifyFork(b []byte, trust *Trust) (*ForkStatement, error) {
	f, err := parseFork(b)
	if err != nil {
		return nil, err
	}
	ledger, older, err := trust.openNamed(f.Older)
	if err != nil {
		return nil, fmt.Errorf("the first one: %w", err)
	}
	log, err := ledger.Log()
	if err != nil {
		return nil, err
	}
	newer, err := log.OpenCheckpoint(f.Newer)
	if err != nil {
		return nil, fmt.Errorf("the second one: %w", err)
	}
	instead, err := f.check(older, newer)
	if err != nil {
		return nil, err
	}
	s := &ForkStatement{
		Origin: ledger.Origin, Owner: ledger.Owner, Instead: instead,
		Older: forkedCommit(older), Newer: forkedCommit(newer),
	}
	s.Sentences = forkSentences(s)
	return s, nil
}

// Text returns the sentences for people.
func (s *ForkStatement) Text() string { return TextOf(s.Sentences, 0) }

// TextIn is [TextOf] of its sentences.
func (s *ForkStatement) TextIn(columns int) string { return TextOf(s.Sentences, columns) }

// Said returns them.
func (s *ForkStatement) Said() []Sentence { return s.Sentences }

func forkSentences(s *ForkStatement) []Sentence {
	proven := fmt.Sprintf("The key of the ledger %s%s has signed two trees of which neither continues the other.", s.Origin, whose(s.Owner))
	how := fmt.Sprintf("One has %d leaves and the root %s, and the other as many and the root %s.", s.Older.Size, s.Older.Root, s.Newer.Root)
	if s.Older.Size != s.Newer.Size {
		how = fmt.Sprintf("One has %d leaves and the root %s. The other has %d leaves and the root %s, and its first %d have the root %s.",
			s.Older.Size, s.Older.Root, s.Newer.Size, s.Newer.Root, s.Older.Size, s.Instead)
	}
	return []Sentence{
		{Kind: Proven, Text: proven}, {Kind: Proven, Text: how},
		{Kind: NotProven, Text: "Which of the two is the true one, and which leaves differ. Anchors, cosignatures and receipts tell who was shown which, and when."},
		{Kind: NotProven, Text: "Why: the ledger's owner meant it, lost the key, or put an old copy back and went on."},
	}
}
