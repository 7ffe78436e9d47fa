package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Options are for [Verify].
type Options struct {
	// Record, if there, is called for each leaf that the bundle is about, in their order,
	// as soon as it has been checked. What it is given holds only if Verify returns no
	// error in the end. An error of its own ends Verify.
	Record func(*StatedRecord) error
	// Progress, if there, is called now and then with how many of the events that the
	// bundle is about have been checked.
	Progress func(done, total int)
	// Now, unless zero, is by when revocation lists of timestamp authorities are stale too;
	// by the tokens' times they are in any case. Nothing else depends on it.
	Now time.Time
}

// Verify checks an evidence bundle by a trust file alone, asking nobody and no clock, and
// says what it proves. An error names what doesn't hold: nothing of the bundle should be
// believed then. Bundles may come from an adversary. Whatever a bundle's size, memory is
// for what it is about (24 bytes an event), for the registry events that are shown, for
// one leaf, and for what it says of each recorder.
func Verify(r io.ReaderAt, size int64, trust *Trust, options Options) (*Statement, error) {
	f, err := openBundle(r, size)
	if err != nil {
		return nil, err
	}
	v := &verification{bundle: f, trust: trust, options: options, registry: newRegistryProof(), served: newServed()}
	for _, step := range []func() error{v.openTree, v.openAnchors, v.openCosigned, v.openTimestamps, v.openLeaves, v.checkNeeds} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return v.statement(), nil
}

// VerifyBundle is [Verify] of a bundle that is in memory.
func VerifyBundle(bundle []byte, trust *Trust) (*Statement, error) {
	return Verify(bytes.NewReader(bundle), int64(len(bundle)), trust, Options{})
}

// Verify is [VerifyBundle] for a bundle that was parsed, or made.
func (b *Bundle) Verify(trust *Trust) (*Statement, error) {
	text, err := b.Marshal()
	if err != nil {
		return nil, err
	}
	return VerifyBundle(text, trust)
}

// verification is the state of one run.
type verification struct {
	bundle  *bundleFile
	trust   *Trust
	options Options

	ledger     *TrustedLedger
	log        *formats.Log
	checkpoint *formats.Checkpoint // of all leaves

	registry *registryProof
	passed   int // of what the bundle is about: those on leaves that were checked
	hidden   int // of those that are withheld, likewise
	served   *served
	leaves   int // that were checked
	records  []StatedRecord
	many     bool // too many to be told one by one
	groups   []*StatedGroup
	grouped  map[string]*StatedGroup // by recorder

	anchors    []*openedAnchor
	policy     *formats.Policy // of witnesses; nil where the trust file names none
	cosigned   []*openedCosigned
	timestamps []*openedTimestamp
	// later are the bounds that the ledger recorded in leaves which were checked: of each
	// who signed, the narrowest.
	later   []StatedBound
	earlier earlierBounds
	// anchored and stamped find what the ledger recorded, by the digests of what was
	// signed and of the checkpoint.
	anchored map[[2]string]*openedAnchor
	stamped  map[[2]string]*openedTimestamp
}

// openedLeaf is a leaf whose body and signatures hold.
type openedLeaf struct {
	index    uint64
	leaf     *formats.Leaf
	envelope *events.Envelope
	events   []*openedEvent
	signers  []*provenKey
	// operator, facility and recorder are what the registry said before the leaf.
	operator *provenOperator
	facility *provenFacility
	recorder *provenRecorder
	// about are the events of this leaf that the bundle is about, withheld those of them
	// that it doesn't show.
	about, withheld []events.Ref
}

type openedEvent struct {
	*events.Event
	ref     events.Ref
	digest  events.Digest
	subject subjectOf
}

// openTree finds the ledger in the trust file and opens the checkpoint.
func (v *verification) openTree() error {
	signed := v.bundle.Checkpoint
	origin, _, _ := strings.Cut(string(signed), "\n")
	var ok bool
	if v.ledger, ok = v.trust.Ledger(origin); !ok {
		return &UnknownLedger{origin, fmt.Sprintf("the trust file names no ledger %.100q, of which this is: is it the right trust file?", origin)}
	}
	var err error
	if v.log, err = v.ledger.Log(); err != nil {
		return err
	}
	v.checkpoint, err = v.log.OpenCheckpoint(signed)
	return err
}

// firstSubject and lastSubject are the first and the last leaf that the bundle is about.
func (v *verification) firstSubject() uint64 { return v.bundle.About[0].Leaf }
func (v *verification) lastSubject() uint64  { return v.bundle.About[len(v.bundle.About)-1].Leaf }

// progressEvery is after how many leaves progress is told.
const progressEvery = 500

// openLeaves goes through the leaves in their order, so that each is judged by what
// the registry said before it, and computes the root that they lead to.
func (v *verification) openLeaves() error {
	leaves, hashes := v.bundle.readLeaves(), v.bundle.readProof()
	proof := &formats.SharedProof{
		Next: func() (uint64, bool) {
			l := leaves.peek()
			if l == nil {
				return 0, false
			}
			return l.index, true
		},
		Leaf: func() (tlog.Hash, error) {
			l := leaves.peek()
			if err := v.take(l); err != nil {
				return tlog.Hash{}, err
			}
			leaves.take()
			return tlog.RecordHash(l.raw), nil
		},
		Hash: hashes.next,
	}
	root := tlog.Hash{}
	if v.checkpoint.Size > 0 {
		var err error
		if root, err = proof.Root(0, v.checkpoint.Size); err != nil {
			return err
		}
	}
	_, more, err := hashes.next()
	switch last := leaves.peek(); {
	case leaves.failed() != nil:
		return leaves.failed()
	case last != nil:
		return fmt.Errorf("leaf %d is not in a tree of %d leaves", last.index, v.checkpoint.Size)
	case v.leaves == 0:
		return fmt.Errorf("evidence bundle: %w", errNoLeaf)
	case err != nil:
		return err
	case proof.Short || more || root != v.checkpoint.Root:
		return fmt.Errorf("the leaves and the hashes of their proof do not lead to the root of the checkpoint of %s", leafCount(v.checkpoint.Size))
	}
	return nil
}

// take checks one leaf but for its place.
func (v *verification) take(r *readLeaf) error {
	if v.leaves++; v.leaves > MaxEvents+MaxSupport {
		return fmt.Errorf("evidence bundle: it holds more than %d leaves", MaxEvents+MaxSupport)
	}
	l, err := v.openLeaf(r)
	if err != nil {
		return err
	}
	if v.leaves == 1 {
		err = v.openGenesis(l)
	} else {
		err = v.registry.admit(l)
	}
	if err == nil {
		err = v.recall(l)
	}
	if err == nil {
		err = v.served.add(l)
	}
	if err != nil {
		return err
	}
	if len(l.about) == 0 {
		return nil
	}
	if v.options.Progress != nil && (v.leaves%progressEvery == 0 || v.passed == len(v.bundle.About)) {
		v.options.Progress(v.passed, len(v.bundle.About))
	}
	return v.state(l)
}

// openLeaf checks that a leaf's body is the one it holds the digest of, and that the
// events shown are of that body.
func (v *verification) openLeaf(r *readLeaf) (*openedLeaf, error) {
	l := &openedLeaf{index: r.index, leaf: r.leaf}
	if events.DigestOf(r.line1) != l.leaf.Digest {
		return nil, fmt.Errorf("leaf %d: line 1 is not the one whose digest the leaf holds", l.index)
	}
	var err error
	if l.envelope, err = events.ParseLine1(r.line1); err != nil {
		return nil, fmt.Errorf("leaf %d: %w", l.index, err)
	}
	m := l.envelope.Manifest
	switch {
	case l.leaf.Subject != m.Recorder.Subject():
		return nil, fmt.Errorf("leaf %d stands under the subject %.100q, and its manifest is %s's", l.index, l.leaf.Subject, m.Recorder)
	case l.leaf.First != m.First || l.leaf.Count != uint64(len(m.Events)):
		return nil, fmt.Errorf("leaf %d counts its events otherwise than its manifest", l.index)
	}
	for _, e := range r.events {
		opened, err := openEvent(l, e)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", events.Ref{Leaf: l.index, Event: e.Place}, err)
		}
		l.events = append(l.events, opened)
	}
	return l, v.claim(l)
}

// claim takes, of what the bundle is about, what is of this leaf, and refuses what is
// missing.
func (v *verification) claim(l *openedLeaf) error {
	about := v.bundle.About
	if v.passed < len(about) && about[v.passed].Leaf < l.index {
		return fmt.Errorf("event %s, which the evidence is about, is missing", about[v.passed])
	}
	shown := l.events
	for v.passed < len(about) && about[v.passed].Leaf == l.index {
		ref := about[v.passed]
		v.passed++
		for len(shown) > 0 && shown[0].ref.Event < ref.Event {
			shown = shown[1:]
		}
		there := len(shown) > 0 && shown[0].ref == ref
		withheld := v.hidden < len(v.bundle.Withheld) && v.bundle.Withheld[v.hidden] == ref
		switch {
		case withheld && there:
			return fmt.Errorf("event %s is there, and the evidence says that it doesn't show it", ref)
		case withheld && ref.Event >= len(l.envelope.Manifest.Events):
			return fmt.Errorf("event %s: the envelope has %d", ref, len(l.envelope.Manifest.Events))
		case withheld:
			v.hidden++
			l.withheld = append(l.withheld, ref)
		case !there:
			return fmt.Errorf("event %s, which the evidence is about, is missing", ref)
		}
		l.about = append(l.about, ref)
	}
	return nil
}

// isAbout tells whether the bundle is about an event of a leaf.
func (l *openedLeaf) isAbout(ref events.Ref) bool {
	_, found := slices.BinarySearchFunc(l.about, ref, events.Ref.Compare)
	return found
}

func openEvent(l *openedLeaf, b BundledEvent) (*openedEvent, error) {
	m := l.envelope.Manifest
	digest := events.DigestOf(b.Line)
	if digest != m.Events[b.Place] {
		return nil, errors.New("it is not the one whose digest was signed")
	}
	e, err := events.ParseEvent(b.Line)
	switch {
	case err != nil:
		return nil, err
	case e.Source != m.Recorder.Source():
		return nil, fmt.Errorf("its source is %.140q: want %q", e.Source, m.Recorder.Source())
	case !saidBy(e.Type, m.Recorder) && (l.index != 0 || !events.IsGenesis(e.Type)):
		return nil, fmt.Errorf("%s is not for %s to say", e.Type, m.Recorder)
	}
	return &openedEvent{Event: e, ref: events.Ref{Leaf: l.index, Event: b.Place}, digest: digest}, nil
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
	if v.passed < len(v.bundle.About) {
		return fmt.Errorf("event %s, which the evidence is about, is missing", v.bundle.About[v.passed])
	}
	if v.hidden < len(v.bundle.Withheld) {
		return fmt.Errorf("event %s is withheld, and the evidence is not about it", v.bundle.Withheld[v.hidden])
	}
	if ref, ok := v.served.useless(v.lastSubject()); ok {
		return fmt.Errorf("event %s is there, and the evidence is not about it and doesn't need it", ref)
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
		if c.checkpoint.Size <= v.firstSubject() {
			return fmt.Errorf("the cosigned checkpoint of %d leaves covers no leaf that the evidence is about", c.checkpoint.Size)
		}
	}
	return nil
}

// boundsAny reports whether a signature over a checkpoint, which the ledger recorded in
// these events, bounds a leaf that the evidence is about.
func (v *verification) boundsAny(c *formats.Checkpoint, recorded []events.Ref) bool {
	return c.Size > v.firstSubject() || len(recorded) > 0 && recorded[0].Leaf < v.lastSubject()
}
