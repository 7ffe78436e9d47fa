package verify

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
)

// VerifyBundle checks an evidence bundle by a trust file alone, asking nobody and no
// clock, and says what it proves. An error names what doesn't hold: nothing of the
// bundle should be believed then. Bundles may come from an adversary.
func VerifyBundle(bundle []byte, trust *Trust) (*Statement, error) {
	b, err := ParseBundle(bundle)
	if err != nil {
		return nil, err
	}
	return b.Verify(trust)
}

// Verify is [VerifyBundle] for a bundle that was parsed, or made.
func (b *Bundle) Verify(trust *Trust) (*Statement, error) {
	if err := b.checkOrder(); err != nil {
		return nil, fmt.Errorf("evidence bundle: %w", err)
	}
	v := &verification{bundle: b, trust: trust, registry: newRegistryProof(), about: map[Ref]bool{}}
	for _, ref := range b.About {
		v.about[ref] = false
	}
	for _, step := range []func() error{v.openTree, v.openLeaves, v.openAnchors, v.openCosigned, v.openTimestamps, v.checkNeeds} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return v.statement(), nil
}

// verification is the state of one run.
type verification struct {
	bundle *Bundle
	trust  *Trust

	ledger     *TrustedLedger
	log        *Log
	checkpoint *Checkpoint // of all receipts

	registry *registryProof
	about    map[Ref]bool // whether the event is there
	leaves   []*openedLeaf
	subjects []*openedLeaf // those that the evidence is about
	anchors  []*openedAnchor

	policy    *Policy // of witnesses; nil where the trust file names none
	cosigned  []*openedCosigned
	witnessed []recordedCosignature

	timestamps []*openedTimestamp
}

// openedLeaf is a leaf whose place, body and signatures hold.
type openedLeaf struct {
	index    uint64
	leaf     *Leaf
	envelope *events.Envelope
	events   []*openedEvent
	signers  []*provenKey
	// operator, facility and recorder are what the registry said before the leaf.
	operator *provenOperator
	facility *provenFacility
	recorder *provenRecorder
}

type openedEvent struct {
	*events.Event
	ref     Ref
	digest  events.Digest
	subject subjectOf
}

// openTree finds the ledger in the trust file and opens the checkpoint.
func (v *verification) openTree() error {
	signed := v.bundle.Leaves[0].Receipt.Checkpoint
	for _, l := range v.bundle.Leaves {
		if !bytes.Equal(l.Receipt.Checkpoint, signed) {
			return fmt.Errorf("the receipts of leaves %d and %d are for different checkpoints", v.bundle.Leaves[0].Receipt.Index, l.Receipt.Index)
		}
	}
	origin, _, _ := strings.Cut(string(signed), "\n")
	var ok bool
	if v.ledger, ok = v.trust.Ledger(origin); !ok {
		return fmt.Errorf("the trust file names no ledger %.100q, of which this is: is it the right trust file?", origin)
	}
	var err error
	if v.log, err = v.ledger.Log(); err != nil {
		return err
	}
	v.checkpoint, err = v.log.OpenCheckpoint(signed)
	return err
}

// openLeaves goes through the leaves in their order, so that each is judged by what
// the registry said before it.
func (v *verification) openLeaves() error {
	for i := range v.bundle.Leaves {
		l, err := v.openLeaf(&v.bundle.Leaves[i])
		if err != nil {
			return err
		}
		if i == 0 {
			err = v.openGenesis(l)
		} else if l.index <= v.leaves[i-1].index {
			err = fmt.Errorf("leaf %d stands after leaf %d", l.index, v.leaves[i-1].index)
		} else {
			err = v.registry.admit(l)
		}
		if err != nil {
			return err
		}
		v.leaves = append(v.leaves, l)
		if slices.ContainsFunc(l.events, func(e *openedEvent) bool { return v.about[e.ref] }) {
			v.subjects = append(v.subjects, l)
		}
	}
	return nil
}

// openLeaf checks a leaf's place in the tree, that its body is the one it holds the
// digest of, and that the events shown are of that body.
func (v *verification) openLeaf(b *BundledLeaf) (*openedLeaf, error) {
	l := &openedLeaf{index: b.Receipt.Index}
	var err error
	if l.leaf, err = b.Receipt.verifyUnder(v.checkpoint); err != nil {
		return nil, err
	}
	if l.leaf.Verdict != Accepted {
		return nil, fmt.Errorf("leaf %d is %s: evidence is of accepted leaves", l.index, l.leaf.Verdict)
	}
	if events.DigestOf(b.Line1) != l.leaf.Digest {
		return nil, fmt.Errorf("leaf %d: line 1 is not the one whose digest the leaf holds", l.index)
	}
	if l.envelope, err = events.ParseLine1(b.Line1); err != nil {
		return nil, fmt.Errorf("leaf %d: %w", l.index, err)
	}
	m := l.envelope.Manifest
	switch {
	case l.leaf.Subject != m.Recorder.Subject():
		return nil, fmt.Errorf("leaf %d stands under the subject %.100q, and its manifest is %s's", l.index, l.leaf.Subject, m.Recorder)
	case l.leaf.First != m.First || l.leaf.Count != uint64(len(m.Events)):
		return nil, fmt.Errorf("leaf %d counts its events otherwise than its manifest", l.index)
	}
	for _, e := range b.Events {
		opened, err := openEvent(l, e)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", Ref{l.index, e.Place}, err)
		}
		if _, asked := v.about[opened.ref]; asked {
			v.about[opened.ref] = true
		}
		l.events = append(l.events, opened)
	}
	return l, nil
}

func openEvent(l *openedLeaf, b BundledEvent) (*openedEvent, error) {
	m := l.envelope.Manifest
	digest := events.DigestOf(b.Line)
	switch {
	case b.Place >= len(m.Events):
		return nil, fmt.Errorf("the envelope has %d", len(m.Events))
	case digest != m.Events[b.Place]:
		return nil, errors.New("it is not the one whose digest was signed")
	}
	e, err := events.ParseEvent(b.Line)
	switch {
	case err != nil:
		return nil, err
	case e.Source != m.Recorder.Source():
		return nil, fmt.Errorf("its source is %.140q: want %q", e.Source, m.Recorder.Source())
	case !events.SaidBy(e.Type, m.Recorder) && (l.index != 0 || !events.IsGenesis(e.Type)):
		return nil, fmt.Errorf("%s is not for %s to say", e.Type, m.Recorder)
	}
	return &openedEvent{Event: e, ref: Ref{l.index, b.Place}, digest: digest}, nil
}

// openGenesis checks that leaf 0 is the one that the trust file names, and takes the
// authorities' keys from it.
func (v *verification) openGenesis(l *openedLeaf) error {
	switch {
	case l.index != 0:
		return errors.New("the genesis, leaf 0, is missing")
	case tlog.RecordHash(l.leaf.Marshal()) != v.ledger.Genesis:
		return fmt.Errorf("leaf 0 is not the genesis of %s that the trust file names", v.ledger.Origin)
	}
	genesis, err := v.registry.begin(l)
	switch {
	case err != nil:
		return fmt.Errorf("genesis: %w", err)
	case genesis.Origin != v.ledger.Origin || genesis.LogKey != v.ledger.Key:
		return errors.New("the genesis is of another origin or log key than the trust file's")
	}
	return nil
}

// checkNeeds refuses what is missing, and what serves nothing: a bundle says what it
// is about, and nothing beside.
func (v *verification) checkNeeds() error {
	for _, ref := range v.bundle.About {
		if !v.about[ref] {
			return fmt.Errorf("event %s, which the evidence is about, is missing", ref)
		}
	}
	serves := v.served()
	for _, l := range v.leaves {
		for _, e := range l.events {
			if _, asked := v.about[e.ref]; !asked && !serves[e.ref] && !events.IsGenesis(e.Type) {
				return fmt.Errorf("event %s is there, and the evidence is not about it and doesn't need it", e.ref)
			}
		}
	}
	for _, a := range v.anchors {
		if !v.boundsAny(a.checkpoint, a.recorded) {
			return fmt.Errorf("the anchor of the checkpoint of %d leaves bounds no leaf that the evidence is about", a.checkpoint.Size)
		}
	}
	for _, t := range v.timestamps {
		if !v.boundsAny(t.checkpoint, t.recorded) {
			return fmt.Errorf("the timestamp over the checkpoint of %d leaves bounds no leaf that the evidence is about", t.checkpoint.Size)
		}
	}
	for _, c := range v.cosigned {
		if len(v.subjects) == 0 || c.checkpoint.Size <= v.subjects[0].index {
			return fmt.Errorf("the cosigned checkpoint of %d leaves covers no leaf that the evidence is about", c.checkpoint.Size)
		}
	}
	return nil
}

// speaksAfter tells whether an authority signed a leaf that stands after the i-th of
// the bundle.
func (v *verification) speaksAfter(authority string, i int) bool {
	return slices.ContainsFunc(v.leaves[i+1:], func(l *openedLeaf) bool {
		return l.envelope.Manifest.Recorder == events.RegistryRecorder(authority)
	})
}

// served returns the events that leaves which the evidence is about rest on, or that
// bear on their operator or keys.
func (v *verification) served() map[Ref]bool {
	serves := map[Ref]bool{}
	var last uint64
	operators, facilities, recorders, keys := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[events.KeyID]bool{}
	for _, l := range v.subjects {
		last = l.index
		if r := l.envelope.Manifest.Recorder; r.IsOperator() {
			operators[r.Owner], facilities[r.Facility], recorders[r.String()] = true, true, true
		}
		for _, k := range l.signers {
			keys[k.public.ID()] = true
		}
	}
	for i, l := range v.leaves {
		for _, e := range l.events {
			s := e.subject
			switch {
			case s.authority != "":
				serves[e.ref] = keys[s.revokes] || v.speaksAfter(s.authority, i)
			case s.revokes != "":
				serves[e.ref] = keys[s.revokes]
			case s.anchor != nil:
				serves[e.ref] = l.index < last && s.recorded
			case s.timestamp != nil:
				serves[e.ref] = l.index < last && s.recorded
			case s.cosigned != nil:
				serves[e.ref] = l.index < last
			default:
				serves[e.ref] = l.index < last && (operators[s.operator] || facilities[s.facility] || recorders[s.recorder])
			}
		}
	}
	return serves
}
