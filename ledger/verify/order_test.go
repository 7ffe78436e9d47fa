package verify_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// place is where a leaf says that it stands in the stream.
type place struct {
	subject    string
	epoch, seq uint64
}

const spoken = "events.nimbus-my.lab-1.bastion-1"

// placedTree is a tree whose leaves stand in these places.
func placedTree(t testing.TB, places ...place) *tree {
	t.Helper()
	s := &tree{}
	received := time.Date(2026, 11, 23, 8, 15, 30, 0, time.UTC)
	for i, p := range places {
		s.add(t, (&formats.Leaf{
			Epoch: p.epoch, Seq: p.seq, Subject: p.subject, Received: received.Add(time.Duration(i) * time.Second),
			Verdict: formats.Accepted, First: uint64(i + 1), Count: 1, Digest: events.DigestOf([]byte(p.subject)),
		}).Marshal())
	}
	return s
}

// inOrder are n places: the genesis, messages, and now and then a leaf of the ledger's own
// or an epoch.
func inOrder(n int) []place {
	places := []place{{"registry.mcmc", 1, 0}}
	for i := 1; i < n; i++ {
		last := places[i-1]
		switch {
		case i%7 == 0:
			places = append(places, place{"ledger", last.epoch + 1, 3})
		case i%5 == 0:
			places = append(places, place{"ledger", last.epoch, last.seq})
		default:
			places = append(places, place{spoken, last.epoch, last.seq + 1 + uint64(i%2)})
		}
	}
	return places
}

// proveOrder proves that leaf index of a tree is out of order under all of it.
func proveOrder(t testing.TB, s *tree, index int) (*verify.Order, error) {
	t.Helper()
	signer, log := fixedLog(t, origin)
	var before []byte
	if index > 0 {
		before = s.leaves[index-1]
	}
	return verify.ProveOrder(s.checkpoint(t, signer, log, len(s.leaves)), uint64(index), before, s.leaves[index], s)
}

// TestOrders breaks the order of small trees at every leaf, in every way, and proves it;
// where it isn't broken, nothing can be proven.
func TestOrders(t *testing.T) {
	const most = 20
	_, log := fixedLog(t, origin)
	trust := trustIn(log)
	honest := inOrder(most)
	for size := 1; size <= most; size++ {
		for index := range size {
			if _, err := proveOrder(t, placedTree(t, honest[:size]...), index); !errors.Is(err, verify.ErrInOrder) {
				t.Fatalf("leaf %d of %d in order: %v", index, size, err)
			}
			var bad []place
			if index == 0 {
				bad = []place{{"registry.mcmc", 1, 1}, {"registry.mcmc", 2, 0}}
			} else {
				b := honest[index-1]
				bad = []place{{spoken, b.epoch, b.seq}, {spoken, b.epoch + 1, b.seq + 1}, {"ledger", b.epoch, b.seq + 1}, {"ledger", b.epoch + 2, b.seq}}
				if b.seq > 0 {
					bad = append(bad, place{spoken, b.epoch, b.seq - 1}, place{"ledger", b.epoch, b.seq - 1})
				}
			}
			for _, p := range bad {
				places := slices.Clone(honest[:size])
				places[index] = p
				s := placedTree(t, places...)
				order, err := proveOrder(t, s, index)
				if err != nil {
					t.Fatalf("leaf %d of %d as %+v: %v", index, size, p, err)
				}
				text := order.Marshal()
				statement, err := verify.VerifyOrder(text, trust)
				if err != nil || statement.Index != uint64(index) || statement.Checkpoint.Size != uint64(size) || !strings.Contains(statement.Text(), statement.Broken) {
					t.Fatalf("leaf %d of %d as %+v: %+v, %v", index, size, p, statement, err)
				}
				for i := range order.Hashes {
					changed := *order
					changed.Hashes = slices.Clone(order.Hashes)
					changed.Hashes[i][7] ^= 1
					if _, err := verify.VerifyOrder(changed.Marshal(), trust); err == nil {
						t.Fatalf("leaf %d of %d: it holds with hash %d changed", index, size, i)
					}
				}
			}
		}
	}
}

// brokenOrder is a tree of 20 in which leaves 11 and 12 are changed about, and proof of it.
func brokenOrder(t testing.TB) (*tree, *verify.Order) {
	t.Helper()
	places := inOrder(20)
	places[11], places[12] = places[12], places[11]
	s := placedTree(t, places...)
	order, err := proveOrder(t, s, 12)
	if err != nil {
		t.Fatal(err)
	}
	return s, order
}

func proveBroken(b []byte, trust *verify.Trust) ([]string, error) {
	s, err := verify.VerifyOrder(b, trust)
	if err != nil {
		return nil, err
	}
	return proven(s.Said()), nil
}

// TestOrderVectors holds proofs of a broken order, and what looks like them, to what a
// reader in any language must conclude.
func TestOrderVectors(t *testing.T) {
	if *update {
		makeOrderVectors(t)
	}
	checkVectors(t, "orders", 18, proveBroken)
}

func makeOrderVectors(t *testing.T) {
	signer, log := fixedLog(t, origin)
	w := writeVectors(t, "orders", ".saksi-order", "Proof that a ledger has signed leaves out of order (docs/formats.md), and what a reader with this trust file must conclude.", trustIn(log), proveBroken)
	defer w.end()
	add := w.add
	prove := func(index int, p place) *verify.Order {
		places := inOrder(20)
		places[index] = p
		o, err := proveOrder(t, placedTree(t, places...), index)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	s, good := brokenOrder(t)
	add("a sequence again", prove(2, place{spoken, 1, 2}).Marshal())
	add("a sequence before", good.Marshal())
	add("the ledger's own at another sequence", prove(5, place{"ledger", 1, 99}).Marshal())
	add("an epoch that the ledger did not open", prove(9, place{spoken, 3, 99}).Marshal())
	add("an epoch left out", prove(7, place{"ledger", 3, 3}).Marshal())
	add("a first leaf not at the start", prove(0, place{"registry.mcmc", 1, 1}).Marshal())
	last := prove(19, place{spoken, 3, 0}) // the last leaf, with a proof of its own shape
	add("the last leaf", last.Marshal())

	with := func(change func(o *verify.Order)) []byte {
		bad := *good
		bad.Hashes = slices.Clone(good.Hashes)
		change(&bad)
		return bad.Marshal()
	}
	add("a hash changed", with(func(o *verify.Order) { o.Hashes[1][0] ^= 1 }))
	add("a hash less", with(func(o *verify.Order) { o.Hashes = o.Hashes[1:] }))
	add("a hash more", with(func(o *verify.Order) { o.Hashes = append(o.Hashes, tlog.Hash{}) }))
	add("the leaves changed about", with(func(o *verify.Order) { o.Before, o.Leaf = o.Leaf, o.Before }))
	add("another index", with(func(o *verify.Order) { o.Index = 13 }))
	add("an index beyond", with(func(o *verify.Order) { o.Index = 20 }))
	add("a leaf changed", with(func(o *verify.Order) { o.Leaf = bytes.Replace(o.Leaf, []byte(`"first":`), []byte(`"first":1`), 1) }))
	add("a leaf that is none", with(func(o *verify.Order) { o.Leaf = []byte("{}") }))
	add("another tree", with(func(o *verify.Order) {
		o.Checkpoint = forkedTree(t, 20, 20).checkpoint(t, signer, log, 20).Note
	}))
	inorder := placedTree(t, inOrder(20)...)
	proof, err := formats.ProveLeaves(20, []uint64{11, 12}, inorder)
	if err != nil {
		t.Fatal(err)
	}
	add("leaves in order", (&verify.Order{Index: 12, Before: inorder.leaves[11], Leaf: inorder.leaves[12], Hashes: proof, Checkpoint: inorder.checkpoint(t, signer, log, 20).Note}).Marshal())
	stranger, strange := fixedLog(t, "other.example/log")
	add("another log's", with(func(o *verify.Order) { o.Checkpoint = s.checkpoint(t, stranger, strange, 20).Note }))
	add("signed by nobody", with(func(o *verify.Order) {
		o.Checkpoint = bytes.Replace(o.Checkpoint, []byte("\n20\n"), []byte("\n21\n"), 1)
	}))
	add("an index with a zero before it", bytes.Replace(good.Marshal(), []byte("v1\n12\n"), []byte("v1\n012\n"), 1))
	add("cut short", good.Marshal()[:len(good.Marshal())-1])
	add("something after", append(good.Marshal(), '\n'))
}

// TestOrderIsBounded refuses what is longer than any proof is, and a proof of leaves, each
// as long as can be, at the end of the largest tree is not.
func TestOrderIsBounded(t *testing.T) {
	_, log := fixedLog(t, origin)
	_, good := brokenOrder(t)
	text := append(good.Marshal(), make([]byte, verify.MaxOrder)...)
	if _, err := verify.VerifyOrder(text, trustIn(log)); err == nil || !strings.Contains(err.Error(), "the most is") {
		t.Errorf("%v", err)
	}
	proof, ok, err := verify.ReadProof(bytes.NewReader(text))
	if err != nil || !ok || len(proof) > max(verify.MaxFork, verify.MaxOrder)+1 {
		t.Errorf("%d bytes are read, %v, %v", len(proof), ok, err)
	}
	if _, err := verify.VerifyProof(proof, trustIn(log)); err == nil {
		t.Error("it is believed, cut off")
	}
	long := *good
	long.Leaf, long.Before = bytes.Repeat([]byte("x"), 16<<10), bytes.Repeat([]byte("x"), 16<<10)
	long.Hashes = make([]tlog.Hash, 126)
	if _, err := verify.ParseOrder(long.Marshal()); err != nil {
		t.Error(err)
	}
}

// FuzzVerifyOrder holds that proof of a broken order has one written form, and that what
// is believed are two leaves that package tlog finds in the tree, out of order.
func FuzzVerifyOrder(f *testing.F) {
	_, log := fixedLog(f, origin)
	trust := trustIn(log)
	_, good := brokenOrder(f)
	f.Add(good.Marshal())
	for index, p := range map[int]place{0: {"registry.mcmc", 1, 1}, 2: {spoken, 1, 2}, 7: {"ledger", 3, 3}, 19: {spoken, 3, 0}} {
		places := inOrder(20)
		places[index] = p
		o, err := proveOrder(f, placedTree(f, places...), index)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(o.Marshal())
	}
	f.Add([]byte("saksi order v1\n0\n{}\n\na\n\n— b c\n"))
	trees := map[tlog.Hash]*tree{}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := verify.ParseOrder(text)
		if err != nil {
			if _, err := verify.VerifyOrder(text, trust); err == nil {
				t.Errorf("%q can't be read, and is believed", text)
			}
			return
		}
		if again := o.Marshal(); !bytes.Equal(again, text) {
			t.Errorf("%q\nis written again as\n%q", text, again)
		}
		s, err := verify.VerifyOrder(text, trust)
		if err != nil {
			return
		}
		// Nobody but this test has signed: its trees are known by their roots.
		if len(trees) == 0 {
			for index, p := range map[int]place{-1: {}, 0: {"registry.mcmc", 1, 1}, 2: {spoken, 1, 2}, 7: {"ledger", 3, 3}, 19: {spoken, 3, 0}} {
				places := inOrder(20)
				if index < 0 {
					places[11], places[12] = places[12], places[11]
				} else {
					places[index] = p
				}
				known := placedTree(t, places...)
				root, err := tlog.TreeHash(20, known)
				if err != nil {
					t.Fatal(err)
				}
				trees[root] = known
			}
		}
		known := trees[s.Checkpoint.Root]
		if known == nil {
			t.Fatalf("%q: nobody signed such a tree", text)
		}
		if !bytes.Equal(known.leaves[s.Index], o.Leaf) || s.Index > 0 && !bytes.Equal(known.leaves[s.Index-1], o.Before) {
			t.Errorf("%q: the tree has other leaves", text)
		}
	})
}
