package projections

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// frontier is what of a tree is needed to go on hashing it: the hashes of its
// largest complete subtrees, from left to right (RFC 6962, section 2.1).
type frontier struct {
	size   uint64
	hashes []tlog.Hash
}

func (f *frontier) add(leaf tlog.Hash) {
	f.hashes = append(f.hashes, leaf)
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.hashes) - 1
		f.hashes[last-1] = tlog.NodeHash(f.hashes[last-1], f.hashes[last])
		f.hashes = f.hashes[:last]
	}
	f.size++
}

func (f *frontier) root() tlog.Hash {
	if f.size == 0 {
		return emptyRoot()
	}
	root := f.hashes[len(f.hashes)-1]
	for i := len(f.hashes) - 2; i >= 0; i-- {
		root = tlog.NodeHash(f.hashes[i], root)
	}
	return root
}

func emptyRoot() tlog.Hash {
	root, _ := tlog.TreeHash(0, nil) // of no leaves it reads none
	return root
}

func (f *frontier) marshal() []byte {
	b := make([]byte, 0, len(f.hashes)*tlog.HashSize)
	for _, h := range f.hashes {
		b = append(b, h[:]...)
	}
	return b
}

func parseFrontier(size uint64, b []byte) (*frontier, error) {
	if len(b) != bits.OnesCount64(size)*tlog.HashSize {
		return nil, fmt.Errorf("%d bytes of hashes can't be those of a tree of %d leaves", len(b), size)
	}
	f := &frontier{size: size}
	for ; len(b) > 0; b = b[tlog.HashSize:] {
		f.hashes = append(f.hashes, tlog.Hash(b[:tlog.HashSize]))
	}
	return f, nil
}

func (f *frontier) clone() *frontier {
	return &frontier{size: f.size, hashes: append([]tlog.Hash(nil), f.hashes...)}
}
