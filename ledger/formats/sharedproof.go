package formats

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A shared proof says of many leaves at once that they stand in a tree: the hashes of
// the largest subtrees that hold none of them, from left to right, split as RFC 6962
// splits a tree. Together with the leaves' own hashes they give the root. No hash is in
// it twice, or could be computed from the others.

// SplitPoint returns how many of n leaves, at least two, are in the left subtree.
func SplitPoint(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// SharedProof computes a root, with memory for one path.
type SharedProof struct {
	// next returns the index of the next leaf, and false after the last.
	Next func() (uint64, bool)
	// leaf takes that leaf, and returns its hash.
	Leaf func() (tlog.Hash, error)
	// hash takes the next hash of the proof, and returns false after the last.
	Hash func() (tlog.Hash, bool, error)
	// short says that hashes were missing: the root is none. It is found out at the end,
	// so that what is wrong with a leaf is said before.
	Short bool
}

// Root returns the hash of the leaves from lo on, below hi.
func (p *SharedProof) Root(lo, hi uint64) (tlog.Hash, error) {
	index, ok := p.Next()
	if !ok || index >= hi {
		h, ok, err := p.Hash()
		p.Short = p.Short || !ok
		return h, err
	}
	if hi-lo == 1 {
		return p.Leaf()
	}
	middle := lo + SplitPoint(hi-lo)
	left, err := p.Root(lo, middle)
	if err != nil {
		return left, err
	}
	right, err := p.Root(middle, hi)
	return tlog.NodeHash(left, right), err
}

// proveBatch bounds how many hashes are read at once.
const proveBatch = 4096

// ProveLeaves returns the shared proof that leaves stand in the tree of a size whose
// hashes r reads. indexes ascend.
func ProveLeaves(size uint64, indexes []uint64, r tlog.HashReader) ([]tlog.Hash, error) {
	if len(indexes) == 0 || indexes[len(indexes)-1] >= size {
		return nil, errors.New("shared proof: there is no leaf, or one that the tree doesn't have")
	}
	// Of each subtree of the proof, the hashes that stand in the tree: one if it is
	// complete, and more for the last one if it isn't.
	var stored []int64
	var last int // how many of them are the last subtree's, if it is incomplete
	var walk func(indexes []uint64, lo, hi uint64)
	walk = func(indexes []uint64, lo, hi uint64) {
		n := hi - lo
		switch {
		case len(indexes) == 0 && n&(n-1) == 0:
			level := bits.Len64(n) - 1
			stored = append(stored, tlog.StoredHashIndex(level, int64(lo>>level)))
		case len(indexes) == 0:
			for at := lo; at < hi; last++ {
				level := bits.Len64(hi-at) - 1
				stored = append(stored, tlog.StoredHashIndex(level, int64(at>>level)))
				at += 1 << level
			}
		case n == 1:
		default:
			middle, cut := lo+SplitPoint(n), 0
			for cut < len(indexes) && indexes[cut] < middle {
				cut++
			}
			walk(indexes[:cut], lo, middle)
			walk(indexes[cut:], middle, hi)
		}
	}
	walk(indexes, 0, size)
	proof := make([]tlog.Hash, 0, len(stored))
	for at := 0; at < len(stored); at += proveBatch {
		hashes, err := r.ReadHashes(stored[at:min(at+proveBatch, len(stored))])
		if err != nil {
			return nil, fmt.Errorf("shared proof: %w", err)
		}
		proof = append(proof, hashes...)
	}
	for ; last > 1; last-- {
		n := len(proof)
		proof[n-2] = tlog.NodeHash(proof[n-2], proof[n-1])
		proof = proof[:n-1]
	}
	return proof, nil
}

// SharedRoot computes the root that hashes of leaves and a shared proof lead to, and
// tells whether the proof has as many hashes as that takes.
func SharedRoot(size uint64, leaves map[uint64]tlog.Hash, proof []tlog.Hash) (tlog.Hash, bool) {
	indexes := slices.Sorted(maps.Keys(leaves))
	p := &SharedProof{
		Next: func() (uint64, bool) {
			if len(indexes) == 0 {
				return 0, false
			}
			return indexes[0], true
		},
		Leaf: func() (tlog.Hash, error) {
			h := leaves[indexes[0]]
			indexes = indexes[1:]
			return h, nil
		},
		Hash: func() (h tlog.Hash, ok bool, _ error) {
			if len(proof) == 0 {
				return h, false, nil
			}
			h, proof = proof[0], proof[1:]
			return h, true, nil
		},
	}
	root, _ := p.Root(0, size)
	return root, !p.Short && len(proof) == 0 && len(indexes) == 0
}
