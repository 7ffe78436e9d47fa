package verify_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
)

// TestSharedProof: of any leaves of any tree the proof leads to the root, with nothing
// in it that could be left out, and not with another leaf or at another place.
func TestSharedProof(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for size := 1; size <= 70; size++ {
		s := someTree(t, size)
		root, err := tlog.TreeHash(int64(size), s)
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			var indexes []uint64
			for i := range size {
				if random.IntN(size) < 1+random.IntN(size) {
					indexes = append(indexes, uint64(i))
				}
			}
			if len(indexes) == 0 {
				continue
			}
			proof, err := formats.ProveLeaves(uint64(size), indexes, s)
			if err != nil {
				t.Fatal(err)
			}
			hashes := map[uint64]tlog.Hash{}
			for _, i := range indexes {
				hashes[i] = tlog.RecordHash(s.leaves[i])
			}
			if got, ok := formats.SharedRoot(uint64(size), hashes, proof); !ok || got != root {
				t.Fatalf("%d of %d leaves: %v, %s: want %s", len(indexes), size, ok, got, root)
			}
			for i := range proof {
				less := slices.Delete(slices.Clone(proof), i, i+1)
				if got, ok := formats.SharedRoot(uint64(size), hashes, less); ok && got == root {
					t.Fatalf("leaves %v of %d: hash %d isn't needed", indexes, size, i)
				}
				other := slices.Clone(proof)
				other[i][0] ^= 1
				if got, _ := formats.SharedRoot(uint64(size), hashes, other); got == root {
					t.Fatalf("leaves %v of %d: hash %d is not looked at", indexes, size, i)
				}
			}
			hashes[indexes[0]] = tlog.RecordHash([]byte("another"))
			if got, _ := formats.SharedRoot(uint64(size), hashes, proof); got == root {
				t.Fatalf("leaves %v of %d: another leaf leads to the root", indexes, size)
			}
			if one := len(indexes) == 1; one { // it is the path of RFC 6962, from left to right
				path, err := tlog.ProveRecord(int64(size), int64(indexes[0]), s)
				if err != nil || len(path) != len(proof) {
					t.Errorf("leaf %d of %d: %d hashes, and %d in its own proof: %v", indexes[0], size, len(proof), len(path), err)
				}
			}
		}
	}
	for _, wrong := range [][]uint64{nil, {3}, {1, 3}} {
		if _, err := formats.ProveLeaves(3, wrong, someTree(t, 3)); err == nil {
			t.Errorf("leaves %v of 3 are proven", wrong)
		}
	}
}
