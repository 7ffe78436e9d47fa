package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// land is a small ledger with everything that evidence can be about, made of keys
// that everybody may know.
type land struct {
	t testing.TB
	tree
	signer note.Signer
	log    *formats.Log
	bodies []*events.Envelope
	first  map[events.Recorder]uint64
	trust  *verify.Trust
	rekors []*testRekor // version 1, then 2
	kept   []verify.BundledAnchor
}

func fixedSigner(t testing.TB, name string) *events.Signer {
	t.Helper()
	seed := sha256.Sum256([]byte("signing key of " + name))
	signer, err := events.NewSigner(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

var (
	registrar = events.RegistryRecorder("mcmc")
	anchorKey = "anchor key of the ledger"
)

// newLand makes these leaves: 0 genesis; 1 operator, facility and recorder; 2 said by
// the operator; 3 an anchor of the first three; 4 said by the operator, three
// events; 5 a second key; 6 said with both; 7 the second key revoked; 8 another
// operator.
func newLand(t testing.TB) *land {
	t.Helper()
	l := &land{t: t, first: map[events.Recorder]uint64{}}
	l.signer, l.log = fixedLog(t, origin)
	authority := fixedSigner(t, "mcmc")
	key1, key2 := fixedSigner(t, "nimbus-my"), fixedSigner(t, "nimbus-my 2")
	bastion, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	if err != nil {
		t.Fatal(err)
	}
	l.rekors = []*testRekor{newRekor(t, 1, "rekor-1.example", false), newRekor(t, 2, "rekor-2.example", true)}
	l.rekors[1].trusted.Owner, l.rekors[1].trusted.Independent = "mcmc", false

	l.say(registrar, []*events.Signer{authority}, said{events.TypeGenesis, events.Genesis{
		Origin: origin, Jurisdiction: "MY", LogKey: l.log.Key(), LedgerKey: fixedSigner(t, "ledger").PublicKey().String(),
		Authorities: []events.GenesisMandate{{Authority: "mcmc", Key: authority.PublicKey().String()}},
	}})
	l.say(registrar, []*events.Signer{authority},
		said{events.TypeOperatorAdmitted, events.OperatorAdmitted{Operator: "nimbus-my", Country: "MY", Keys: []string{key1.PublicKey().String()}}},
		said{events.TypeFacilityDeclared, events.FacilityDeclared{Facility: "lab-1", Country: "MY"}},
		said{events.TypeRecorderDeclared, events.RecorderDeclared{Recorder: bastion.String(), Kind: events.RecorderBastion}})
	closed := said{events.TypeSessionClosed, map[string]any{"session": "s-1", "ended": "normal"}}
	l.say(bastion, []*events.Signer{key1}, closed)
	l.trust = &verify.Trust{
		V:       1,
		Ledgers: []verify.TrustedLedger{{Origin: origin, Key: l.log.Key(), Genesis: tlog.RecordHash(l.leaves[0]), Owner: "mcmc"}},
		Rekors:  []verify.TrustedRekor{l.rekors[0].trusted, l.rekors[1].trusted},
	}
	l.trust.Ledgers[0].AnchorKeys = []string{base64.StdEncoding.EncodeToString(spki(t, fixedECDSA(t, anchorKey).Public()))}
	l.record(l.anchor(l.rekors[0], 1_800_000_000))
	l.say(bastion, []*events.Signer{key1}, closed, closed, closed)
	l.say(registrar, []*events.Signer{authority}, said{events.TypeKeyAdded, events.KeyAdded{Operator: "nimbus-my", Key: key2.PublicKey().String()}})
	l.anchor(l.rekors[1], 0) // of six leaves
	l.say(bastion, []*events.Signer{key1, key2}, closed)
	l.say(registrar, []*events.Signer{authority}, said{events.TypeKeyRevoked, events.KeyRevoked{Operator: "nimbus-my", KeyID: string(key2.PublicKey().ID()), Reason: "lost"}})
	l.say(registrar, []*events.Signer{authority}, said{events.TypeOperatorAdmitted, events.OperatorAdmitted{Operator: "strato", Country: "MY"}})
	l.anchor(l.rekors[0], 1_800_000_600)
	l.anchor(l.rekors[1], 0)
	return l
}

type said struct {
	eventType string
	data      any
}

// say adds one envelope as a leaf.
func (l *land) say(r events.Recorder, signers []*events.Signer, list ...said) {
	l.t.Helper()
	m := &events.Manifest{Recorder: r, Incarnation: 1, First: l.first[r] + 1}
	var lines [][]byte
	for i, s := range list {
		nonce := sha256.Sum256(fmt.Appendf(nil, "nonce %s %d", r, m.First+uint64(i)))
		e, err := events.NewEvent(r, s.eventType, fmt.Sprintf("e-%d", m.First+uint64(i)), time.Unix(1_799_999_000, 0), s.data, bytes.NewReader(nonce[:]))
		if err != nil {
			l.t.Fatal(err)
		}
		line, err := e.Marshal()
		if err != nil {
			l.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	envelope, err := events.Seal(m, lines, signers...)
	if err != nil {
		l.t.Fatal(err)
	}
	l.first[r] = m.Last()
	l.admit(envelope)
}

// admit adds the leaf of an envelope, as a ledger does that looks at nothing.
func (l *land) admit(e *events.Envelope) {
	l.t.Helper()
	leaf := &formats.Leaf{
		Epoch: 1, Seq: uint64(len(l.leaves)), Subject: e.Manifest.Recorder.Subject(), Received: time.Unix(1_800_000_300+int64(len(l.leaves)), 0).UTC(),
		Verdict: formats.Accepted, First: e.Manifest.First, Count: uint64(len(e.Lines)), Digest: events.DigestOf(e.Line1()),
	}
	l.add(l.t, leaf.Marshal())
	l.bodies = append(l.bodies, e)
}

// checkpoint signs the tree as it was with size leaves.
func (l *land) checkpoint(size int) []byte {
	l.t.Helper()
	root, err := tlog.TreeHash(int64(size), l)
	if err != nil {
		l.t.Fatal(err)
	}
	return sign(l.t, l.signer, fmt.Sprintf("%s\n%d\n%s\n", origin, size, root))
}

// anchor anchors the tree as it is.
func (l *land) anchor(r *testRekor, at uint64) verify.BundledAnchor {
	l.t.Helper()
	text := l.checkpoint(len(l.leaves))
	e := r.anchor(l.t, text, fixedECDSA(l.t, anchorKey))
	if at != 0 {
		e.IntegratedTime = at
		r.promise(l.t, e)
	}
	a := verify.BundledAnchor{Checkpoint: text, Entry: e.Marshal()}
	l.kept = append(l.kept, a)
	return a
}

// record adds the leaf by which the ledger says that it anchored.
func (l *land) record(a verify.BundledAnchor) {
	l.t.Helper()
	checkpoint, err := l.log.OpenCheckpoint(a.Checkpoint)
	if err != nil {
		l.t.Fatal(err)
	}
	l.say(events.LedgerRecorder, []*events.Signer{fixedSigner(l.t, "ledger")}, said{events.TypeAnchorRecorded, events.AnchorRecorded{
		Rekor: "rekor-1.example - 77", Kind: "hashedrekord 0.0.1", Size: events.Integer(checkpoint.Size), Root: checkpoint.Root.String(),
		Checkpoint: events.DigestOf(a.Checkpoint).String(), Entry: events.DigestOf(a.Entry).String(),
	}})
}

// bundle makes evidence of events, with these others and all anchors that were made.
func (l *land) bundle(about []events.Ref, others ...events.Ref) *verify.Bundle {
	l.t.Helper()
	size := len(l.leaves)
	b := &verify.Bundle{About: about, Checkpoint: l.checkpoint(size)}
	for _, ref := range append(append([]events.Ref{{}}, about...), others...) {
		l.show(b, ref)
	}
	for _, a := range l.kept {
		checkpoint, err := l.log.OpenCheckpoint(a.Checkpoint)
		if err != nil {
			l.t.Fatal(err)
		}
		if n := int64(checkpoint.Size); n < int64(size) {
			if a.Consistency, err = tlog.ProveTree(int64(size), n, l); err != nil {
				l.t.Fatal(err)
			}
		}
		b.Anchors = append(b.Anchors, a)
	}
	b.Sort()
	return b
}

func (l *land) show(b *verify.Bundle, ref events.Ref) {
	l.t.Helper()
	body := l.bodies[ref.Leaf]
	event := verify.BundledEvent{Place: ref.Event, Line: body.Lines[ref.Event]}
	for i := range b.Leaves {
		if b.Leaves[i].Index == ref.Leaf {
			b.Leaves[i].Events = append(b.Leaves[i].Events, event)
			return
		}
	}
	b.Leaves = append(b.Leaves, verify.BundledLeaf{Index: ref.Leaf, Leaf: l.leaves[ref.Leaf], Line1: body.Line1(), Events: []verify.BundledEvent{event}})
}

// good is evidence of one event in the middle of an envelope.
func (l *land) good() *verify.Bundle {
	return l.bundle([]events.Ref{{Leaf: 4, Event: 1}}, events.Ref{Leaf: 1}, events.Ref{Leaf: 1, Event: 1}, events.Ref{Leaf: 1, Event: 2}, events.Ref{Leaf: 3})
}

// prove proves the leaves of a bundle, as an honest ledger does.
func (l *land) prove(b *verify.Bundle) []tlog.Hash {
	l.t.Helper()
	var indexes []uint64
	for _, leaf := range b.Leaves {
		indexes = append(indexes, leaf.Index)
	}
	proof, err := formats.ProveLeaves(uint64(len(l.leaves)), indexes, l)
	if err != nil {
		l.t.Fatal(err)
	}
	return proof
}

// marshal writes a bundle, and proves its leaves if that wasn't done.
func (l *land) marshal(b *verify.Bundle) []byte {
	l.t.Helper()
	if b.Proof == nil {
		b.Proof = l.prove(b)
	}
	text, err := b.Marshal()
	if err != nil {
		l.t.Fatal(err)
	}
	return text
}

func (l *land) trustFile() []byte {
	l.t.Helper()
	text, err := json.Marshal(l.trust)
	if err != nil {
		l.t.Fatal(err)
	}
	return text
}
