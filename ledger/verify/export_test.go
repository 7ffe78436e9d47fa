package verify

import (
	"bytes"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Members and Container take a bundle's zip apart and put it together, so that tests
// can change what is in it as an adversary would: with checksums that are right.

func Members(b []byte) (names []string, data [][]byte, err error) {
	parts, err := openContainer(bytes.NewReader(b), int64(len(b)))
	for _, p := range parts {
		names, data = append(names, p.name), append(data, b[p.offset:p.offset+p.size])
	}
	return names, data, err
}

func Container(names []string, data [][]byte) ([]byte, error) {
	members := make([]member, len(names))
	for i := range names {
		members[i] = bytesMember(names[i], data[i])
	}
	return marshalContainer(members)
}

// SharedRoot computes the root that hashes of leaves and a shared proof lead to, and
// tells whether the proof has as many hashes as that takes.
func SharedRoot(size uint64, leaves map[uint64]tlog.Hash, proof []tlog.Hash) (tlog.Hash, bool) {
	indexes := slices.Sorted(maps.Keys(leaves))
	p := &sharedProof{
		next: func() (uint64, bool) {
			if len(indexes) == 0 {
				return 0, false
			}
			return indexes[0], true
		},
		leaf: func() (tlog.Hash, error) {
			h := leaves[indexes[0]]
			indexes = indexes[1:]
			return h, nil
		},
		hash: func() (h tlog.Hash, ok bool, _ error) {
			if len(proof) == 0 {
				return h, false, nil
			}
			h, proof = proof[0], proof[1:]
			return h, true, nil
		},
	}
	root, _ := p.root(0, size)
	return root, !p.short && len(proof) == 0 && len(indexes) == 0
}
