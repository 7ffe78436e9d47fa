package verify_test

import (
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

func proveFork(b []byte, trust *verify.Trust) ([]string, error) {
	s, err := verify.VerifyFork(b, trust)
	if err != nil {
		return nil, err
	}
	return proven(s.Said()), nil
}

// TestForkVectors holds proofs of forks, and what looks like them, to what a reader in any
// language must conclude.
func TestForkVectors(t *testing.T) {
	if *update {
		makeForkVectors(t)
	}
	checkVectors(t, "forks", 8, proveFork)
}

func makeForkVectors(t *testing.T) {
	signer, log := fixedLog(t, origin)
	w := writeVectors(t, "forks", ".saksi-fork", "Proof that a ledger has signed two histories (docs/formats.md), and what a reader with this trust file must conclude.", trustIn(log), proveFork)
	defer w.end()
	add := w.add
	honest, other := forkedTree(t, 20, 20), forkedTree(t, 20, 5)
	prove := func(m, n int) *verify.Fork {
		f, err := verify.ProveFork(honest.checkpoint(t, signer, log, m), other.checkpoint(t, signer, log, n), other)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	eight, same := prove(8, 20), prove(20, 20)
	add("a tree of 8 and one of 20", eight.Marshal()) // a power of two: RFC 6962 leaves the first hash out
	add("a tree of 13 and one of 20", prove(13, 20).Marshal())
	add("two trees of 20", same.Marshal())
	with := func(f *verify.Fork, change func(f *verify.Fork)) []byte {
		bad := *f
		bad.Hashes = slices.Clone(f.Hashes)
		change(&bad)
		return bad.Marshal()
	}
	add("a hash changed", with(eight, func(f *verify.Fork) { f.Hashes[1][0] ^= 1 }))
	add("without the first hash", with(eight, func(f *verify.Fork) { f.Hashes = f.Hashes[1:] }))
	add("a hash more", with(eight, func(f *verify.Fork) { f.Hashes = append(f.Hashes, tlog.Hash{}) }))
	add("in the other order", with(eight, func(f *verify.Fork) { f.Older, f.Newer = f.Newer, f.Older }))
	add("two of one tree", with(eight, func(f *verify.Fork) { f.Older = other.checkpoint(t, signer, log, 8).Note }))
	add("one checkpoint twice", with(same, func(f *verify.Fork) { f.Older = f.Newer }))
	stranger, strange := fixedLog(t, "other.example/log")
	add("another log's", with(eight, func(f *verify.Fork) { f.Newer = other.checkpoint(t, stranger, strange, 20).Note }))
	add("something after", append(eight.Marshal(), '\n'))
}
