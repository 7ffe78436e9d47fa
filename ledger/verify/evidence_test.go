package verify_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// sayings returns a statement's sentences of one kind.
func sayings(s *verify.Statement, kind verify.SentenceKind) string {
	var b strings.Builder
	for _, sentence := range s.Sentences {
		if sentence.Kind == kind {
			b.WriteString(sentence.Text + "\n")
		}
	}
	return b.String()
}

// has fails the test for each thing that a text must say and doesn't.
func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

func TestEvidence(t *testing.T) {
	l := newLand(t)
	trust, err := verify.ParseTrust(l.trustFile())
	if err != nil {
		t.Fatal(err)
	}
	s, err := verify.VerifyBundle(l.marshal(l.good()), trust)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Records) != 1 || len(s.Anchors) != 4 || s.Ledger.Size != 9 || s.Ledger.Owner != "mcmc" {
		t.Fatalf("%+v", s)
	}
	r := s.Records[0]
	if r.Leaf != 4 || len(r.Events) != 1 || r.Events[0].Ref != (events.Ref{Leaf: 4, Event: 1}) || r.Events[0].Sequence != 3 || r.Count != 3 ||
		r.Recorder != "nimbus-my/lab-1/bastion-1" || r.Operator.Country != "MY" || r.Facility.Event != (events.Ref{Leaf: 1, Event: 1}) ||
		r.Declared.Kind != events.RecorderBastion || len(r.Signers) != 1 || r.Signers[0].Party != "nimbus-my" || r.Signers[0].By != "mcmc" {
		t.Errorf("%+v", r)
	}
	if len(r.NotBefore) != 1 || r.NotBefore[0].Time.Unix() != 1_800_000_000 || r.NotBefore[0].Recorded.Leaf != 3 || len(r.NotAfter) != 3 {
		t.Errorf("bounds %+v, %+v", r.NotBefore, r.NotAfter)
	}
	has(t, sayings(s, verify.Proven),
		`The recorder nimbus-my/lab-1/bastion-1 said event 4/1, saksi.access.session.closed.v1, with the id "e-3", as its number 3 (incarnation 1).`,
		"which mcmc registered for nimbus-my in event 1/0.",
		"the facility lab-1 in MY (declared by mcmc, event 1/1)",
		"Leaf 4 is later than entry 1005 of the Rekor rekor-1.example - 77, which the ledger recorded in event 3/0.",
		"entry 1006 in the Rekor rekor-1.example - 77, run by somebody else, which the trust file calls independent",
		"entry 6 in the Rekor rekor-2.example, run by mcmc as the ledger is, and so no independent anchor")
	has(t, sayings(s, verify.Said),
		"received at 2027-01-15T08:00:00Z at the earliest, by the word of the Rekor rekor-1.example - 77.",
		"received at 2027-01-15T08:10:00Z at the latest, by the word of the Rekor rekor-1.example - 77.",
		"The ledger says that it received leaf 4 at 2027-01-15T08:05:04Z: that is the word of whoever runs it.")
	has(t, sayings(s, verify.NotProven), "That what the events say is true", "leaf 4 has 2 more", "revoked a key", "witnesses")
	if text, err := json.Marshal(s); err != nil || !bytes.Contains(text, []byte(`"ref":"4/1"`)) || !bytes.Contains(text, []byte(`"data":{"ended":"normal"`)) {
		t.Errorf("%s, %v", text, err)
	}
}

// TestEvidenceIsAZip: the bundle's own reader agrees with another's.
func TestEvidenceIsAZip(t *testing.T) {
	l := newLand(t)
	text := l.marshal(l.good())
	names, data, err := verify.Members(text)
	if err != nil {
		t.Fatal(err)
	}
	other, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil || len(other.File) != len(names) {
		t.Fatalf("%d files, %v", len(other.File), err)
	}
	for i, f := range other.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(r); err != nil || f.Name != names[i] || !bytes.Equal(b, data[i]) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// TestEvidenceOfAnything: of several leaves, with two signatures, of the registry's
// and the ledger's own events, and with less to hold it fast.
func TestEvidenceOfAnything(t *testing.T) {
	l := newLand(t)
	registered := []events.Ref{{Leaf: 1}, {Leaf: 1, Event: 1}, {Leaf: 1, Event: 2}}
	verified := func(b *verify.Bundle) *verify.Statement {
		t.Helper()
		s, err := verify.VerifyBundle(l.marshal(b), l.trust)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}

	s := verified(l.bundle([]events.Ref{{Leaf: 2}, {Leaf: 4}, {Leaf: 4, Event: 2}, {Leaf: 6}}, append(registered, events.Ref{Leaf: 3}, events.Ref{Leaf: 5}, events.Ref{Leaf: 7})...))
	if len(s.Records) != 3 || len(s.Records[1].Events) != 2 || len(s.Records[2].Signers) != 2 || s.Records[2].Signers[1].Registered != (events.Ref{Leaf: 5}) {
		t.Errorf("%+v", s.Records)
	}
	if key := s.Records[2].Signers[1]; key.Revoked == nil || key.Revoked.Reason != "lost" || key.Revoked.Event != (events.Ref{Leaf: 7}) {
		t.Errorf("%+v", key)
	}
	has(t, sayings(s, verify.Proven), "That key was revoked later, by mcmc in event 7/0.")
	// Leaf 2 came before anything was anchored.
	if len(s.Records[0].NotBefore) != 0 || len(s.Records[0].NotAfter) != 4 {
		t.Errorf("%+v", s.Records[0])
	}
	has(t, sayings(s, verify.NotProven), "When leaf 2 was received at the earliest: nothing recorded before it gives a time")

	s = verified(l.bundle([]events.Ref{{Leaf: 1}, {Leaf: 3}}))
	has(t, sayings(s, verify.Proven), "The authority mcmc said event 1/0", "The ledger itself said event 3/0", "which the genesis gives to registry.mcmc", "which the genesis gives to the ledger")

	bare := l.good()
	bare.Anchors, bare.Leaves = nil, slices.Delete(bare.Leaves, 2, 3)
	s = verified(bare)
	has(t, sayings(s, verify.NotProven), "That the checkpoint is anchored anywhere.", "received at the earliest", "received at the latest")

	l.trust.Rekors[0].Independent = false
	has(t, sayings(verified(l.good()), verify.NotProven), "That anybody but the ledger's owner holds the checkpoint fast")
	l.trust.Rekors[0].Independent, l.trust.Rekors[0].Owner = true, "mcmc"
	has(t, sayings(verified(l.good()), verify.NotProven), "That anybody but the ledger's owner holds the checkpoint fast")
	rekors := l.trust.Rekors
	l.trust.Rekors = nil
	s = verified(l.good())
	has(t, sayings(s, verify.NotProven), `stands in the Rekor "rekor-2.example": the trust file does not name it`)
	if s.Anchors[0].Believed || len(s.Records[0].NotBefore)+len(s.Records[0].NotAfter) > 0 {
		t.Errorf("anchors in Rekors that are not trusted bound %+v", s.Records[0])
	}
	l.trust.Rekors, l.trust.Ledgers[0].AnchorKeys = rekors, nil
	has(t, sayings(verified(l.good()), verify.NotProven), "the trust file names no key that the ledger anchors with")
}

// TestEveryByte changes each bit of a bundle, and cuts it at each byte.
func TestEveryByte(t *testing.T) {
	l := newLand(t)
	text := l.marshal(l.good())
	for i := 0; i < len(text); i += everyNth() {
		for bit := range 8 {
			text[i] ^= 1 << bit
			if _, err := verify.VerifyBundle(text, l.trust); err == nil {
				t.Errorf("byte %d, bit %d changed: believed", i, bit)
			}
			text[i] ^= 1 << bit
		}
	}
	for n := 0; n < len(text); n += everyNth() {
		if _, err := verify.VerifyBundle(text[:n], l.trust); err == nil {
			t.Errorf("cut to %d bytes: believed", n)
		}
	}
	for _, more := range []string{"\x00", "PK\x03\x04", string(text)} {
		if _, err := verify.VerifyBundle(append(bytes.Clone(text), more...), l.trust); err == nil {
			t.Errorf("%d bytes more: believed", len(more))
		}
	}
}

// everyNth thins out the tests that change each byte.
func everyNth() int { return slowtest.Pick(7, 1, 23) }

// TestEveryByteOfEveryPart changes each byte of each part and puts the zip together
// again, as somebody does who knows what a checksum is.
func TestEveryByteOfEveryPart(t *testing.T) {
	l := newLand(t)
	good := l.good()
	good.Anchors = good.Anchors[:2:2] // of both versions, one of them before the event
	names, data, err := verify.Members(l.marshal(good))
	if err != nil {
		t.Fatal(err)
	}
	var workers sync.WaitGroup
	for part := range data {
		workers.Go(func() {
			changed := slices.Clone(data)
			for i := 0; i < len(data[part]); i += everyNth() {
				b := bytes.Clone(data[part])
				b[i] ^= 1
				changed[part] = b
				text, err := verify.Container(names, changed)
				if err != nil {
					t.Error(err)
					return
				}
				if s, err := verify.VerifyBundle(text, l.trust); err == nil {
					t.Errorf("byte %d of %s changed: believed: %+v", i, names[part], s)
				}
			}
		})
	}
	workers.Wait()
	for part := range data {
		less := slices.Delete(slices.Clone(data), part, part+1)
		text, err := verify.Container(slices.Delete(slices.Clone(names), part, part+1), less)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify.VerifyBundle(text, l.trust); err == nil {
			t.Errorf("%s taken out: believed", names[part])
		}
		twice := slices.Insert(slices.Clone(data), part, data[part])
		if _, err := verify.Container(slices.Insert(slices.Clone(names), part, names[part]), twice); err == nil {
			t.Errorf("%s twice: it could be written", names[part])
		}
		for other := range part {
			changed := slices.Clone(data)
			changed[part], changed[other] = data[other], data[part]
			if bytes.Equal(data[part], data[other]) {
				continue
			}
			text, err := verify.Container(names, changed)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verify.VerifyBundle(text, l.trust); err == nil {
				t.Errorf("%s and %s exchanged: believed", names[other], names[part])
			}
		}
	}
}

// damage is a bundle that was made to deceive, and the sentence that it must give.
type damage struct {
	name, says string
	bundle     *verify.Bundle
}

// damages makes bundles out of honest parts, and out of what a ledger's owner could
// sign, that must not be believed.
func damages(t testing.TB) (*land, []damage) {
	l := newLand(t)
	var all []damage
	add := func(name, says string, change func(b *verify.Bundle)) {
		b := l.good()
		change(b)
		all = append(all, damage{name, says, b})
	}
	drop := func(leaf uint64) func(b *verify.Bundle) {
		return func(b *verify.Bundle) {
			b.Leaves = slices.DeleteFunc(b.Leaves, func(x verify.BundledLeaf) bool { return x.Index == leaf })
		}
	}
	add("without its genesis", "the genesis, leaf 0, is missing", drop(0))
	add("without the registry", "no event before it registers the key", drop(1))
	add("without the event", "event 4/1, which the evidence is about, is missing", func(b *verify.Bundle) { drop(4)(b) })
	add("about another event", "event 4/0, which the evidence is about, is missing", func(b *verify.Bundle) { b.About = []events.Ref{{Leaf: 4}} })
	add("with an event that serves nothing", "event 4/2 is there, and the evidence is not about it", func(b *verify.Bundle) {
		l.show(b, events.Ref{Leaf: 4, Event: 2})
	})
	add("with a registry event that serves nothing", "event 8/0 is there", func(b *verify.Bundle) { l.show(b, events.Ref{Leaf: 8}); b.Sort() })
	add("without its facility", "no event before it declares the facility lab-1", func(b *verify.Bundle) { b.Leaves[1].Events = slices.Delete(b.Leaves[1].Events, 1, 2) })
	add("without its recorder", "no event before it declares the recorder", func(b *verify.Bundle) { b.Leaves[1].Events = b.Leaves[1].Events[:2] })
	add("another event in the place of the one that was signed", "event 4/1: it is not the one whose digest was signed", func(b *verify.Bundle) {
		b.Leaves[3].Events[0].Line = l.bodies[4].Lines[2]
	})
	add("another envelope in the place of the leaf's", "leaf 4: line 1 is not the one whose digest the leaf holds", func(b *verify.Bundle) { b.Leaves[3].Line1 = l.bodies[2].Line1() })
	const proof = "the leaves and the hashes of their proof do not lead to the root of the checkpoint of "
	add("a hash of a proof changed", proof, func(b *verify.Bundle) { b.Proof = l.prove(b); b.Proof[1][0] ^= 1 })
	add("a hash of a proof missing", proof, func(b *verify.Bundle) { b.Proof = l.prove(b); b.Proof = b.Proof[:len(b.Proof)-1] })
	add("a hash of a proof too many", proof, func(b *verify.Bundle) { b.Proof = append(l.prove(b), tlog.Hash{}) })
	add("a proof under another checkpoint", proof, func(b *verify.Bundle) { b.Checkpoint, b.Anchors = l.checkpoint(8), nil; drop(3)(b) })
	add("a leaf beyond the tree", "leaf 4 is not in a tree of 4 leaves", func(b *verify.Bundle) { b.Checkpoint, b.Anchors = l.checkpoint(4), nil; drop(3)(b) })
	add("withheld and there", "event 4/1 is there, and the evidence says that it doesn't show it", func(b *verify.Bundle) { b.Withheld = b.About })
	add("taken out without a word", "event 4/1, which the evidence is about, is missing", func(b *verify.Bundle) { b.Leaves[3].Events = nil })
	add("withheld where there was none", "event 4/7: the envelope has 3", func(b *verify.Bundle) {
		b.About = append(b.About, events.Ref{Leaf: 4, Event: 7})
		b.Withheld = b.About[1:]
	})
	add("another log's checkpoint", "the trust file names no ledger", func(b *verify.Bundle) {
		other, _ := fixedLog(t, "other.example/log")
		b.Checkpoint = sign(t, other, "other.example/log\n9\nLG1Dah2clhwtxv8MYfqjnrZY7U9he/0rLLRke7PEmBU=\n")
	})
	add("an anchor of other bytes", "anchor 3: anchor in the Rekor rekor-1.example - 77: it is about other bytes", func(b *verify.Bundle) { b.Anchors[2].Entry = b.Anchors[0].Entry })
	add("without a consistency proof", "anchor 1: the consistency proof of the checkpoints of 3 and 9 leaves does not hold", func(b *verify.Bundle) { b.Anchors[0].Consistency = nil })
	add("with a consistency proof too many", "anchor 3: it holds a proof", func(b *verify.Bundle) { b.Anchors[2].Consistency = b.Anchors[0].Consistency })
	add("an entry with a root changed", "anchor 4: entry in the Rekor rekor-2.example: its inclusion proof is for another root", func(b *verify.Bundle) {
		e, err := verify.ParseLogEntry(b.Anchors[3].Entry)
		if err != nil {
			t.Fatal(err)
		}
		e.InclusionProof.RootHash[5] ^= 1
		b.Anchors[3].Entry = e.Marshal()
	})
	add("an anchor that bounds nothing", "the anchor of the checkpoint of 3 leaves bounds no leaf", func(b *verify.Bundle) { drop(3)(b) })
	add("the ledger's record of an anchor that is not there", "event 3/0 is there", func(b *verify.Bundle) { b.Anchors = b.Anchors[1:] })
	add("anchors in another order", "its anchors are not in order", func(b *verify.Bundle) { b.Anchors[0], b.Anchors[1] = b.Anchors[1], b.Anchors[0] })
	add("about nothing", "it does not say what it is about", func(b *verify.Bundle) { b.About = nil })
	return l, all
}

func TestDamagedEvidence(t *testing.T) {
	l, all := damages(t)
	for _, d := range all {
		t.Run(d.name, func(t *testing.T) {
			_, err := verify.VerifyBundle(l.marshal(d.bundle), l.trust)
			expect(t, err, d.says)
		})
	}
}

// TestEvidenceOfADishonestLedger: the tree is whole and its log's signature holds,
// and what stands in it should never have been admitted.
func TestEvidenceOfADishonestLedger(t *testing.T) {
	bastion, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	key1, key2, mcmc := fixedSigner(t, "nimbus-my"), fixedSigner(t, "nimbus-my 2"), fixedSigner(t, "mcmc")
	closed := said{events.TypeSessionClosed, map[string]any{"session": "s-1", "ended": "normal"}}
	for _, row := range []struct {
		name, says string
		act        func(l *land)
		others     []events.Ref // leaf 9 and on
	}{
		{"signed by nobody's key", "no event before it registers the key", func(l *land) { l.say(bastion, []*events.Signer{fixedSigner(t, "nobody")}, closed) }, nil},
		{"signed by the authority", "is not nimbus-my/lab-1/bastion-1's", func(l *land) { l.say(bastion, []*events.Signer{mcmc}, closed) }, nil},
		{"signed with a key that was revoked", "was revoked before, by event 7/0", func(l *land) { l.say(bastion, []*events.Signer{key2}, closed) }, []events.Ref{{Leaf: 5}, {Leaf: 7}}},
		{"a registry event in an operator's name", "saksi.registry.key.added.v1 is not for", func(l *land) {
			l.say(bastion, []*events.Signer{key1}, said{events.TypeKeyAdded, events.KeyAdded{}})
		}, nil},
		{"a second genesis", "saksi.registry.genesis.v2 is not for", func(l *land) {
			l.say(registrar, []*events.Signer{mcmc}, said{events.TypeGenesis, events.Genesis{}})
		}, nil},
		{"another recorder's leaf", "no event before it declares the recorder", func(l *land) {
			other, _ := events.ParseRecorder("nimbus-my/lab-1/badge-1")
			l.say(other, []*events.Signer{key1}, closed)
		}, nil},
		{"a manifest under another subject", "stands under the subject", func(l *land) {
			l.say(bastion, []*events.Signer{key1}, closed)
			leaf, err := formats.ParseLeaf(l.leaves[9])
			if err != nil {
				t.Fatal(err)
			}
			leaf.Subject = "events.strato.lab-1.bastion-1"
			l.hashes, l.leaves = nil, l.leaves[:9]
			leaves := l.leaves
			l.leaves = nil
			for _, raw := range leaves {
				l.add(t, raw)
			}
			l.add(t, leaf.Marshal())
		}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := newLand(t)
			row.act(l)
			b := l.bundle([]events.Ref{{Leaf: 9}}, append([]events.Ref{{Leaf: 1}, {Leaf: 1, Event: 1}, {Leaf: 1, Event: 2}}, row.others...)...)
			b.Anchors = nil
			_, err := verify.VerifyBundle(l.marshal(b), l.trust)
			expect(t, err, row.says)
		})
	}
	t.Run("signed with a recovery key", func(t *testing.T) {
		l := newLand(t)
		key, offline, bnm := fixedSigner(t, "bnm"), fixedSigner(t, "bnm offline"), events.RegistryRecorder("bnm")
		l.say(registrar, []*events.Signer{mcmc}, said{events.TypeAuthorityAdmitted, events.AuthorityAdmitted{
			Authority: "bnm", Key: key.PublicKey().String(), RecoveryKey: offline.PublicKey().String(),
			Mandate: events.Mandate{Facilities: []string{"*"}, Families: []string{"*"}},
		}})
		declared := said{events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-9", Country: "MY"}}
		l.say(bnm, []*events.Signer{offline}, declared)
		l.say(bnm, []*events.Signer{key}, declared)
		for leaf, says := range map[uint64]string{10: "is a recovery key, which signs rotations alone", 11: ""} {
			b := l.bundle([]events.Ref{{Leaf: leaf}}, events.Ref{Leaf: 9})
			b.Anchors = nil
			_, err := verify.VerifyBundle(l.marshal(b), l.trust)
			if says == "" && err == nil {
				continue
			}
			expect(t, err, says)
		}
	})
	t.Run("suspended", func(t *testing.T) {
		l := newLand(t)
		l.say(registrar, []*events.Signer{mcmc}, said{events.TypeOperatorSuspended, events.OperatorSuspended{Operator: "nimbus-my", Reason: "x"}})
		l.say(bastion, []*events.Signer{key1}, closed)
		l.say(registrar, []*events.Signer{mcmc}, said{events.TypeOperatorReadmitted, events.OperatorReadmitted{Operator: "nimbus-my", Reason: "x"}})
		l.say(bastion, []*events.Signer{key1}, closed)
		others := []events.Ref{{Leaf: 1}, {Leaf: 1, Event: 1}, {Leaf: 1, Event: 2}, {Leaf: 9}, {Leaf: 11}}
		for leaf, says := range map[uint64]string{10: "was suspended before, by event 9/0", 12: ""} {
			b := l.bundle([]events.Ref{{Leaf: leaf}}, others...)
			b.Anchors = nil
			_, err := verify.VerifyBundle(l.marshal(b), l.trust)
			expect(t, err, says)
		}
	})
	t.Run("two histories", func(t *testing.T) {
		l := newLand(t)
		b := l.good()
		root := tlog.Hash{1}
		b.Anchors[2].Checkpoint = sign(t, l.signer, fmt.Sprintf("%s\n9\n%s\n", origin, root))
		b.Sort()
		_, err := verify.VerifyBundle(l.marshal(b), l.trust)
		expect(t, err, "two checkpoints of 9 leaves with different roots")
	})
}

// FuzzBundle holds that a bundle has one written form, and that what is believed is
// one of those that were given.
func FuzzBundle(f *testing.F) {
	l, all := damages(f)
	good := l.marshal(l.good())
	f.Add(good)
	for _, d := range all {
		f.Add(l.marshal(d.bundle))
	}
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		bundle, err := verify.ParseBundle(b)
		if err != nil {
			return
		}
		if again, err := bundle.Marshal(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q\nis written again as\n%q, %v", b, again, err)
		}
		if _, err := bundle.Verify(l.trust); err == nil && !bytes.Contains(b, []byte("saksi evidence v2\n")) {
			t.Errorf("%q is believed", b)
		}
	})
}

// FuzzBundlePart puts anything in the place of one part, with checksums that are
// right, and holds that nothing is proven then that wasn't before.
func FuzzBundlePart(f *testing.F) {
	l := newLand(f)
	good := l.good()
	text := l.marshal(good)
	names, data, err := verify.Members(text)
	if err != nil {
		f.Fatal(err)
	}
	s, err := good.Verify(l.trust)
	if err != nil {
		f.Fatal(err)
	}
	proven := sayings(s, verify.Proven)
	for i := range data {
		f.Add(i, data[i])
	}
	f.Add(0, []byte("saksi evidence v2\n4/1\n4/2\n"))
	f.Fuzz(func(t *testing.T, part int, b []byte) {
		if part < 0 || part >= len(data) {
			return
		}
		changed := slices.Clone(data)
		changed[part] = b
		text, err := verify.Container(names, changed)
		if err != nil {
			return
		}
		s, err := verify.VerifyBundle(text, l.trust)
		if err != nil {
			return
		}
		for _, sentence := range s.Sentences {
			// That something stood at another place of an envelope is shown by its line 1.
			if sentence.Kind == verify.Proven && !strings.Contains(proven, sentence.Text+"\n") && !strings.Contains(sentence.Text, ", whose digest is ") {
				t.Errorf("with %q as %s it proves: %s", b, names[part], sentence.Text)
			}
		}
	})
}
