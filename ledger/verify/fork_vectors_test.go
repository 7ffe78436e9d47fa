package verify_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/verify"
)

var forksDir = filepath.Join("testdata", "forks")

// TestForkVectors holds proofs of forks, and what looks like them, to what a reader in any
// language must conclude.
func TestForkVectors(t *testing.T) {
	if *update {
		makeForkVectors(t)
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(forksDir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var all evidenceVectors
	if err := json.Unmarshal(read("vectors.json"), &all); err != nil || len(all.Vectors) < 8 {
		t.Fatalf("%d vectors, %v", len(all.Vectors), err)
	}
	trust, err := verify.ParseTrust(read(all.Trust))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all.Vectors {
		s, err := verify.VerifyFork(read(v.File), trust)
		switch {
		case v.Says != "" && (err == nil || err.Error() != v.Says):
			t.Errorf("%s: %v: want %s", v.File, err, v.Says)
		case v.Says == "" && err != nil:
			t.Errorf("%s: %v", v.File, err)
		case v.Says == "" && !slices.Equal(v.Proven, provenOf(s)):
			t.Errorf("%s proves\n%s", v.File, strings.Join(provenOf(s), "\n"))
		}
	}
}

func provenOf(s verify.Contradiction) []string {
	var all []string
	for _, sentence := range s.Said() {
		if sentence.Kind == verify.Proven {
			all = append(all, sentence.Text)
		}
	}
	return all
}

func makeForkVectors(t *testing.T) {
	signer, log := fixedLog(t, origin)
	trust := trustIn(log)
	out := evidenceVectors{
		About: "Proof that a ledger has signed two histories (docs/formats.md), and what a reader with this trust file must conclude. Wordings are this program's own.",
		Trust: "trust.json",
	}
	if err := os.MkdirAll(forksDir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(forksDir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	add := func(name string, b []byte) {
		v := evidenceVector{File: strings.NewReplacer(" ", "-", "'", "").Replace(name) + ".saksi-fork"}
		if s, err := verify.VerifyFork(b, trust); err != nil {
			v.Says = err.Error()
		} else {
			v.Proven = provenOf(s)
		}
		write(v.File, b)
		out.Vectors = append(out.Vectors, v)
	}
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
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	write("vectors.json", append(text, '\n'))
	if text, err = json.MarshalIndent(trust, "", "  "); err != nil {
		t.Fatal(err)
	}
	write(out.Trust, append(text, '\n'))
}
