package verify_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// forkedTree returns a tree of n leaves that is another from leaf on.
func forkedTree(t testing.TB, n, leaf int) *tree {
	t.Helper()
	s := &tree{}
	for i := range n {
		text := fmt.Sprintf("leaf %d", i)
		if i >= leaf {
			text += " of the other tree"
		}
		s.add(t, []byte(text))
	}
	return s
}

// checkpoint signs the tree's first n leaves.
func (s *tree) checkpoint(t testing.TB, signer note.Signer, log *formats.Log, n int) *formats.Checkpoint {
	t.Helper()
	root, err := tlog.TreeHash(int64(n), s)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), n, root)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := log.OpenCheckpoint(signed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func trustIn(log *formats.Log) *verify.Trust {
	return &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{{Origin: log.Origin(), Key: log.Key(), Owner: "mcmc"}}}
}

// TestForks proves the fork of every two small trees, at every leaf, and nothing where
// there is none.
func TestForks(t *testing.T) {
	most := slowtest.Pick(11, 19, 11)
	signer, log := fixedLog(t, origin)
	trust := trustIn(log)
	honest := forkedTree(t, most, most)
	for leaf := range most {
		other := forkedTree(t, most, leaf)
		for m := 1; m <= most; m++ {
			for n := 1; n <= most; n++ {
				x, y, hashes := honest.checkpoint(t, signer, log, m), other.checkpoint(t, signer, log, n), other
				if m > n {
					hashes = honest
				}
				fork, err := verify.ProveFork(x, y, hashes)
				if forked := leaf < min(m, n); !forked {
					if !errors.Is(err, verify.ErrOneTree) {
						t.Fatalf("trees of %d and %d, equal up to leaf %d: %v, %v", m, n, leaf, fork, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("trees of %d and %d, forked at leaf %d: %v", m, n, leaf, err)
				}
				text := fork.Marshal()
				s, err := verify.VerifyFork(text, trust)
				if err != nil || s.Older.Size != uint64(min(m, n)) || s.Newer.Size != uint64(max(m, n)) || s.Instead == s.Older.Root {
					t.Fatalf("trees of %d and %d, forked at leaf %d: %+v, %v", m, n, leaf, s, err)
				}
				for i := range fork.Hashes {
					bad := &verify.Fork{Older: fork.Older, Newer: fork.Newer, Hashes: append([]tlog.Hash{}, fork.Hashes...)}
					bad.Hashes[i][3] ^= 1
					if _, err := verify.VerifyFork(bad.Marshal(), trust); err == nil {
						t.Fatalf("trees of %d and %d, forked at leaf %d: it holds with hash %d changed", m, n, leaf, i)
					}
				}
			}
		}
	}
}

// TestForkOfOneTree holds that nobody can make two checkpoints of one tree look like a
// fork, whatever hashes are written beside them.
func TestForkOfOneTree(t *testing.T) {
	signer, log := fixedLog(t, origin)
	trust := trustIn(log)
	s, other := forkedTree(t, 40, 40), forkedTree(t, 40, 0)
	for m := 1; m < 40; m++ {
		older, newer := s.checkpoint(t, signer, log, m), s.checkpoint(t, signer, log, 40)
		foreign, err := verify.ProveFork(other.checkpoint(t, signer, log, m), newer, s)
		if err != nil {
			t.Fatal(err)
		}
		for name, hashes := range map[string][]tlog.Hash{"its own": foreign.Hashes, "none": nil, "short": foreign.Hashes[1:], "long": append(foreign.Hashes[:len(foreign.Hashes):len(foreign.Hashes)], tlog.Hash{})} {
			f := &verify.Fork{Older: older.Note, Newer: newer.Note, Hashes: hashes}
			if _, err := verify.VerifyFork(f.Marshal(), trust); err == nil {
				t.Errorf("%d of 40, with hashes %s: it holds", m, name)
			} else if name == "its own" && !errors.Is(err, verify.ErrOneTree) {
				t.Errorf("%d of 40: %v", m, err)
			}
		}
	}
}

func TestDamagedForks(t *testing.T) {
	signer, log := fixedLog(t, origin)
	stranger, strange := fixedLog(t, "other.example/log")
	trust := trustIn(log)
	honest, other := forkedTree(t, 20, 20), forkedTree(t, 20, 5)
	older, newer := honest.checkpoint(t, signer, log, 8), other.checkpoint(t, signer, log, 20)
	good, err := verify.ProveFork(older, newer, other)
	if err != nil {
		t.Fatal(err)
	}
	same, err := verify.ProveFork(honest.checkpoint(t, signer, log, 20), newer, nil)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(f *verify.Fork)) []byte {
		f := *good
		change(&f)
		return f.Marshal()
	}
	tests := []struct {
		name string
		b    []byte
		says string
	}{
		{"good", good.Marshal(), ""},
		{"same size", same.Marshal(), ""},
		{"empty", nil, "the first line is not"},
		{"in the other order", with(func(f *verify.Fork) { f.Older, f.Newer = f.Newer, f.Older }), "not in their order"},
		{"same size in the other order", (&verify.Fork{Older: same.Newer, Newer: same.Older}).Marshal(), "not in their order"},
		{"the same one twice", (&verify.Fork{Older: same.Newer, Newer: same.Newer}).Marshal(), "of one tree"},
		{"hashes between equals", (&verify.Fork{Older: same.Older, Newer: same.Newer, Hashes: good.Hashes}).Marshal(), "hashes say nothing"},
		{"signed by another", with(func(f *verify.Fork) { f.Older = honest.checkpoint(t, stranger, strange, 8).Note }), "names no ledger"},
		{"second by another", with(func(f *verify.Fork) { f.Newer = other.checkpoint(t, stranger, strange, 20).Note }), "the second one: "},
		{"another size", with(func(f *verify.Fork) { f.Older = bytes.Replace(f.Older, []byte("\n8\n"), []byte("\n7\n"), 1) }), "the first one: "},
		{"no hashes", with(func(f *verify.Fork) { f.Hashes = nil }), "its 0 hashes are not as many"},
		{"cut short", good.Marshal()[:len(good.Marshal())-1], "the second checkpoint is not a signed note"},
		{"something after", append(good.Marshal(), '\n'), "the second checkpoint is not a signed note"},
		{"too long", append(good.Marshal(), make([]byte, verify.MaxFork)...), "the most is"},
		{"a tree of none", with(func(f *verify.Fork) { f.Older = (&tree{}).empty(t, signer) }), "no leaves contradicts none"},
	}
	for _, test := range tests {
		s, err := verify.VerifyFork(test.b, trust)
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.says == "" && !strings.Contains(s.Text(), "has signed two trees"):
			t.Errorf("%s: %s", test.name, s.Text())
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: %v: want %q", test.name, err, test.says)
		}
	}
}

func (s *tree) empty(t testing.TB, signer note.Signer) []byte {
	t.Helper()
	root, err := tlog.TreeHash(0, s)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n0\n%s\n", signer.Name(), root)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// FuzzVerifyFork holds that proof of a fork has one written form, and that what is
// believed contradicts a consistency proof as package tlog checks it.
func FuzzVerifyFork(f *testing.F) {
	signer, log := fixedLog(f, origin)
	trust := trustIn(log)
	honest := forkedTree(f, 20, 20)
	for _, leaf := range []int{0, 4, 7} {
		other := forkedTree(f, 20, leaf)
		for _, m := range []int{8, 13, 20} {
			fork, err := verify.ProveFork(honest.checkpoint(f, signer, log, m), other.checkpoint(f, signer, log, 20), other)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(fork.Marshal())
		}
	}
	f.Add([]byte("saksi fork v1\n\na\n\n— b c\n\na\n\n— b c\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		fork, err := verify.ParseFork(text)
		if err != nil {
			if _, err := verify.VerifyFork(text, trust); err == nil {
				t.Errorf("%q can't be read, and is believed", text)
			}
			return
		}
		if again := fork.Marshal(); !bytes.Equal(again, text) {
			t.Errorf("%q\nis written again as\n%q", text, again)
		}
		s, err := verify.VerifyFork(text, trust)
		if err != nil {
			return
		}
		if s.Older.Size == s.Newer.Size {
			if s.Older.Root == s.Newer.Root {
				t.Errorf("%q: one root", text)
			}
			return
		}
		// RFC 6962 leaves the first hash out where the older size is a power of two.
		proof := tlog.TreeProof(fork.Hashes)
		if s.Older.Size&(s.Older.Size-1) == 0 {
			proof = proof[1:]
		}
		m, n := int64(s.Older.Size), int64(s.Newer.Size)
		if tlog.CheckTree(proof, n, s.Newer.Root, m, s.Instead) != nil {
			t.Errorf("%q: package tlog doesn't find the root instead", text)
		}
		if tlog.CheckTree(proof, n, s.Newer.Root, m, s.Older.Root) == nil {
			t.Errorf("%q: package tlog finds the two consistent", text)
		}
	})
}
