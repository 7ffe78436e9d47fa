package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

const origin = "ledger.example.my/saksi/2026"

// fixedLog returns a log's key that everybody may know, in both halves.
func fixedLog(t testing.TB, name string) (note.Signer, *formats.Log) {
	t.Helper()
	seed := sha256.Sum256([]byte("log key of " + name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := append([]byte{1}, private.Public().(ed25519.PublicKey)...) // algorithm 1 of signed-note: Ed25519
	sum := sha256.Sum256(append([]byte(name+"\n"), public...))
	hash := binary.BigEndian.Uint32(sum[:4])
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...))))
	if err != nil {
		t.Fatal(err)
	}
	log, err := formats.NewLog(fmt.Sprintf("%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(public)))
	if err != nil {
		t.Fatal(err)
	}
	return signer, log
}

// tree is a whole log in memory.
type tree struct {
	hashes []tlog.Hash
	leaves [][]byte
}

// ReadHashes implements tlog.HashReader.
func (s *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(s.hashes)) {
			return nil, fmt.Errorf("no hash %d", index)
		}
		found[i] = s.hashes[index]
	}
	return found, nil
}

func (s *tree) add(t testing.TB, leaf []byte) {
	t.Helper()
	hashes, err := tlog.StoredHashes(int64(len(s.leaves)), leaf, s)
	if err != nil {
		t.Fatal(err)
	}
	s.hashes, s.leaves = append(s.hashes, hashes...), append(s.leaves, leaf)
}

func (s *tree) receipt(t testing.TB, signer note.Signer, index int) *formats.Receipt {
	t.Helper()
	size := int64(len(s.leaves))
	root, err := tlog.TreeHash(size, s)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), size, root)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := tlog.ProveRecord(size, int64(index), s)
	if err != nil {
		t.Fatal(err)
	}
	return &formats.Receipt{Index: uint64(index), Leaf: s.leaves[index], Proof: proof, Checkpoint: checkpoint}
}

// someLeaves are one leaf of each verdict, and what is rare in them.
func someLeaves() []*formats.Leaf {
	at := time.Date(2026, 11, 23, 8, 15, 30, 123456789, time.UTC)
	digest := events.DigestOf([]byte("line 1"))
	const subject = "events.nimbus-my.lab-1.bastion-1"
	return []*formats.Leaf{
		{Epoch: 1, Seq: 123, Subject: subject, Received: at, Verdict: formats.Accepted, First: 18, Count: 2, Digest: digest},
		{Epoch: 1, Seq: 124, Subject: subject, Received: at.Add(time.Nanosecond), Verdict: formats.Duplicate, Of: 122, Digest: digest},
		{Epoch: 1, Seq: 125, Subject: subject, Received: at.Truncate(time.Second), Verdict: formats.Rejected, Code: "bad_signature", Digest: digest},
		{Epoch: 2, Seq: 125, Subject: "ledger", Received: at, Verdict: formats.Accepted, First: 1, Count: 1, Digest: digest},
		{Epoch: 2, Seq: 126, Subject: "events.nimbus-my.\"\\%\x00\xff.☃ x", Received: at, Verdict: formats.Rejected, Code: "wrong_subject", Digest: digest},
		{Epoch: events.MaxSequence, Seq: events.MaxSequence, Subject: "registry.mcmc", Received: at, Verdict: formats.Accepted, First: events.MaxSequence - 999, Count: 1000, Digest: digest},
	}
}

func someTree(t testing.TB, n int) *tree {
	t.Helper()
	s, leaves := &tree{}, someLeaves()
	for i := range n {
		s.add(t, leaves[i%len(leaves)].Marshal())
	}
	return s
}

func TestLeavesComeBack(t *testing.T) {
	for _, l := range someLeaves() {
		text := l.Marshal()
		back, err := formats.ParseLeaf(text)
		if err != nil || *back != *l || !bytes.Equal(back.Marshal(), text) {
			t.Errorf("%s\ncomes back as %+v, %v", text, back, err)
		}
	}
}

// TestEveryLeafOfEveryTreeHasItsReceipt goes through the small trees, where
// proofs have every shape, and damages each.
func TestEveryLeafOfEveryTreeHasItsReceipt(t *testing.T) {
	signer, log := fixedLog(t, origin)
	_, other := fixedLog(t, "other.example/log")
	for n := 1; n <= 18; n++ {
		s := someTree(t, n)
		for i := range n {
			r := s.receipt(t, signer, i)
			back, err := formats.ParseReceipt(r.Marshal())
			if err != nil || !bytes.Equal(back.Marshal(), r.Marshal()) {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
			if leaf, checkpoint, err := log.VerifyReceipt(back); err != nil || !bytes.Equal(leaf.Marshal(), s.leaves[i]) || checkpoint.Size != uint64(n) {
				t.Errorf("leaf %d of %d: %v", i, n, err)
			}
			for name, damage := range map[string]func(r *formats.Receipt){
				"another leaf": func(r *formats.Receipt) {
					r.Leaf = bytes.Replace(r.Leaf, []byte(`"v":1,"epoch":`), []byte(`"v":1,"epoch":1`), 1)
				},
				"index after":    func(r *formats.Receipt) { r.Index++ },
				"beyond":         func(r *formats.Receipt) { r.Index += 1 << 40 },
				"a hash more":    func(r *formats.Receipt) { r.Proof = append(r.Proof[:len(r.Proof):len(r.Proof)], tlog.Hash{}) },
				"no checkpoint":  func(r *formats.Receipt) { r.Checkpoint = nil },
				"larger tree":    func(r *formats.Receipt) { r.Checkpoint = bytes.Replace(r.Checkpoint, []byte("\n"), []byte("\n1"), 1) },
				"half signature": func(r *formats.Receipt) { r.Checkpoint = r.Checkpoint[:len(r.Checkpoint)-20] },
			} {
				bad := *back
				damage(&bad)
				if _, _, err := log.VerifyReceipt(&bad); err == nil {
					t.Errorf("leaf %d of %d, %s: verified", i, n, name)
				}
			}
			for h := range back.Proof {
				bad := *back
				bad.Proof = append(tlog.RecordProof{}, back.Proof...)
				bad.Proof[h][7] ^= 1
				if _, _, err := log.VerifyReceipt(&bad); err == nil {
					t.Errorf("leaf %d of %d, hash %d changed: verified", i, n, h)
				}
			}
			if _, _, err := other.VerifyReceipt(back); err == nil {
				t.Errorf("leaf %d of %d: verified by another log's key", i, n)
			}
		}
	}
}
