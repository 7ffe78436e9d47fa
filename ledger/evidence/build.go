package evidence

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Source is a ledger that evidence is made from.
type Source struct {
	// Reader must have the mandate for the bodies that are asked for and for the
	// registry's.
	Reader ledger.Reader
	// Log is whose checkpoints the reader reads.
	Log *formats.Log
	// Anchors may be nil: the evidence is then not anchored, and says so.
	Anchors Anchors
	// Cosigned may be nil: the evidence is then witnessed by nobody, and says so.
	Cosigned Cosigned
	// Timestamps may be nil: the evidence then has none.
	Timestamps Timestamps
}

// Options are for [Build] and [Make].
type Options struct {
	// WaitAnchor waits, until the context ends, for anchors that cover every leaf asked
	// for, in as many Rekors as the policy wants: [NotAnchored] then says what is missing.
	WaitAnchor bool
	// AnchorPolicy is that policy; nil is the one by which the ledger's node anchors, or
	// any Rekor if that isn't known.
	AnchorPolicy *verify.AnchorPolicy
	// Trust, if there, is over which Rekors the policy is: those that it names, and an
	// anchor counts if it holds by it. Otherwise it is over those of the ledger's node,
	// whose word it is that an anchor is of one of them.
	Trust *verify.Trust
	// WaitCosigned waits, until the context ends, for a checkpoint that covers every leaf
	// asked for and that a quorum of the ledger's witnesses has cosigned.
	WaitCosigned bool
	// WaitTimestamp waits, until the context ends, for a timestamp of one authority at
	// least that covers every leaf asked for.
	WaitTimestamp bool
	// Progress, if there, is called now and then with how much of what is being done is
	// done.
	Progress func(what string, done, total int)
}

// ErrNoBody is wrapped where the reader's mandate doesn't go as far as what was asked
// for.
var ErrNoBody = errors.New("this reader is not given the body")

// Build makes an evidence bundle and checks it, in memory: [Make] is for many events.
func Build(ctx context.Context, source Source, requests []Request, options Options) ([]byte, error) {
	b, err := Make(ctx, source, requests, options)
	if err != nil {
		return nil, err
	}
	text, err := b.Marshal()
	if err == nil {
		err = Check(source, b, bytes.NewReader(text), int64(len(text)), nil)
	}
	if err != nil {
		return nil, fmt.Errorf("make evidence: %w", err)
	}
	return text, nil
}

// Make makes an evidence bundle. It reads the ledger's leaves once, for the registry's,
// and the bodies of what was asked for, which the bundle holds. It is to be written, and
// then [Check] is to look at it.
func Make(ctx context.Context, source Source, requests []Request, options Options) (*verify.Bundle, error) {
	b := &builder{source: source, options: options, leaves: map[uint64]*leaf{}, shown: map[events.Ref]bool{}, supported: map[support]bool{}}
	bundle, err := b.build(ctx, requests)
	if err != nil {
		return nil, fmt.Errorf("make evidence: %w", err)
	}
	return bundle, nil
}

// Check verifies what was written of a bundle as somebody would who believes the ledger's
// genesis and no Rekor, witness or timestamp authority: those only a trust file can tell.
func Check(source Source, b *verify.Bundle, r io.ReaderAt, size int64, progress func(done, total int)) error {
	_, err := verify.Verify(r, size, &verify.Trust{V: 1, Ledgers: []verify.TrustedLedger{{
		Origin: source.Log.Origin(), Key: source.Log.Key(), Genesis: tlog.RecordHash(b.Leaves[0].Leaf),
	}}}, verify.Options{Progress: progress})
	if err != nil {
		return fmt.Errorf("what the ledger holds is no evidence: %w", err)
	}
	return nil
}

type builder struct {
	source  Source
	options Options
	newest  *formats.Checkpoint
	leaves  map[uint64]*leaf
	page    []ledger.Entry // the last that was read for what is asked
	shown   map[events.Ref]bool
	about   []events.Ref
	// withheld are those of them that were erased.
	withheld []events.Ref
	// registry are the accepted leaves of the registry, said what they say, own the
	// indexes of the ledger's; all ascend.
	registry    []*leaf
	said        []registryEvent
	own         []uint64
	supported   map[support]bool
	anchors     []*anchored
	rekorsKnown int
	cosigned    []*formats.Checkpoint
	timestamps  []*stamped
	authorities []string // of timestamps
}

// leaf is one that was read, with its body.
type leaf struct {
	ledger.Entry
	envelope *events.Envelope
}

func (b *builder) build(ctx context.Context, requests []Request) (*verify.Bundle, error) {
	if len(requests) == 0 {
		return nil, errors.New("nothing was asked for")
	}
	if len(requests) > verify.MaxEvents {
		return nil, fmt.Errorf("%d events: the most in one bundle are %d", len(requests), verify.MaxEvents)
	}
	requests = slices.Clone(requests)
	slices.SortFunc(requests, func(x, y Request) int { return cmp.Or(cmp.Compare(x.Leaf, y.Leaf), cmp.Compare(x.Event, y.Event)) })
	var err error
	if b.newest, err = b.source.Reader.Checkpoint(ctx); err != nil {
		return nil, err
	}
	for i, r := range requests {
		if err := b.ask(ctx, r); err != nil {
			return nil, err
		}
		b.progress("read", i+1, len(requests))
	}
	b.page = nil
	if len(b.about) > verify.MaxEvents {
		return nil, fmt.Errorf("%d events: the most in one bundle are %d", len(b.about), verify.MaxEvents)
	}
	subjects := b.subjects()
	if b.source.Anchors != nil {
		if b.options.WaitAnchor {
			err = b.waitAnchored(ctx, subjects)
		} else {
			_, err = b.cover(ctx, subjects)
		}
		if err != nil {
			return nil, fmt.Errorf("anchors: %w", err)
		}
	} else if b.options.WaitAnchor {
		return nil, errors.New("there are no anchors to wait for")
	}
	if err := b.wait(ctx, b.options, subjects); err != nil {
		return nil, err
	}
	if err := b.takeCosigned(ctx, subjects); err != nil {
		return nil, fmt.Errorf("cosigned checkpoints: %w", err)
	}
	if err := b.takeTimestamps(ctx, subjects); err != nil {
		return nil, fmt.Errorf("timestamps: %w", err)
	}
	if err := b.readRegistry(ctx); err != nil {
		return nil, err
	}
	for _, index := range subjects {
		b.support(b.leaves[index])
	}
	if err := b.supportTimes(ctx, subjects); err != nil {
		return nil, err
	}
	b.show(b.leaves[0], 0)
	b.supportAuthorities()
	return b.bundle(ctx)
}

func (b *builder) progress(what string, done, total int) {
	if b.options.Progress != nil && (done%256 == 0 || done == total) {
		b.options.Progress(what, done, total)
	}
}

// ask takes what is asked for.
func (b *builder) ask(ctx context.Context, r Request) error {
	if r.Leaf >= b.newest.Size {
		return fmt.Errorf("leaf %d: the ledger has %d leaves", r.Leaf, b.newest.Size)
	}
	l := b.leaves[r.Leaf]
	if l == nil {
		e, err := b.entry(ctx, r.Leaf)
		if err != nil {
			return err
		}
		if l, err = b.keep(e); err != nil {
			return err
		}
	}
	first, last := r.Event, r.Event
	if r.Event < 0 {
		first, last = 0, len(l.envelope.Lines)-1
	}
	if last >= len(l.envelope.Lines) {
		return fmt.Errorf("event %d/%d: the leaf has %d events, from 0", r.Leaf, r.Event, len(l.envelope.Lines))
	}
	for place := first; place <= last; place++ {
		ref := events.Ref{Leaf: r.Leaf, Event: place}
		if b.shown[ref] {
			continue
		}
		b.about = append(b.about, ref)
		if len(l.envelope.Lines[place]) == 0 { // it was erased, and its place is proven
			b.withheld = append(b.withheld, ref)
		}
		b.show(l, place)
	}
	return nil
}

// entry reads a leaf, and others after it or, on the way down, before it for the next ones.
func (b *builder) entry(ctx context.Context, index uint64) (*ledger.Entry, error) {
	from := index
	if len(b.page) > 0 && index < b.page[0].Index {
		from = index &^ 255
	}
	for !b.pageHas(index) {
		var err error
		if b.page, err = b.source.Reader.Entries(ctx, b.newest, from); err != nil {
			return nil, err
		}
		from = index // the page may have ended before
	}
	return &b.page[index-b.page[0].Index], nil
}

func (b *builder) pageHas(index uint64) bool {
	return len(b.page) > 0 && index >= b.page[0].Index && index-b.page[0].Index < uint64(len(b.page))
}

// keep remembers an accepted leaf that will be in the bundle or may be.
func (b *builder) keep(e *ledger.Entry) (*leaf, error) {
	if known := b.leaves[e.Index]; known != nil {
		return known, nil
	}
	switch {
	case e.Leaf.Verdict == formats.Duplicate:
		return nil, fmt.Errorf("leaf %d is a duplicate: ask for leaf %d, which it repeats", e.Index, e.Leaf.Of)
	case e.Leaf.Verdict != formats.Accepted:
		return nil, fmt.Errorf("leaf %d was rejected as %s: evidence is of accepted leaves", e.Index, e.Leaf.Code)
	case e.Body == nil:
		return nil, fmt.Errorf("leaf %d: %w", e.Index, ErrNoBody)
	}
	envelope, err := events.ParseEnvelope(e.Body)
	if err != nil {
		return nil, fmt.Errorf("body of leaf %d: %w", e.Index, err)
	}
	l := &leaf{*e, envelope}
	b.leaves[e.Index] = l
	return l, nil
}

func (b *builder) show(l *leaf, place int) {
	b.shown[events.Ref{Leaf: l.Index, Event: place}] = true
}

// subjects returns the leaves that were asked for, ascending.
func (b *builder) subjects() []uint64 {
	var list []uint64
	for _, ref := range b.about {
		list = append(list, ref.Leaf)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// bundle proves what was chosen under one checkpoint, and puts it together.
func (b *builder) bundle(ctx context.Context) (*verify.Bundle, error) {
	hashes := tiles.New(b.source.Reader).Tree(ctx, b.newest.Tree())
	checkpoint := b.checkpoint()
	root, err := tlog.TreeHash(int64(checkpoint.Size), hashes)
	switch {
	case err != nil:
		return nil, err
	case root != checkpoint.Root:
		return nil, fmt.Errorf("the anchored checkpoint of %d leaves: %w", checkpoint.Size, tiles.ErrForked)
	}
	out := &verify.Bundle{About: b.about, Withheld: b.withheld, Checkpoint: checkpoint.Note}
	byLeaf := map[uint64]*verify.BundledLeaf{}
	var indexes []uint64
	for ref := range b.shown {
		l := b.leaves[ref.Leaf]
		bundled := byLeaf[ref.Leaf]
		if bundled == nil {
			bundled = &verify.BundledLeaf{Index: ref.Leaf, Leaf: l.Raw, Line1: l.envelope.Line1()}
			byLeaf[ref.Leaf] = bundled
			indexes = append(indexes, ref.Leaf)
		}
		if line := l.envelope.Lines[ref.Event]; len(line) > 0 {
			bundled.Events = append(bundled.Events, verify.BundledEvent{Place: ref.Event, Line: line})
		}
	}
	slices.Sort(indexes)
	for _, index := range indexes {
		out.Leaves = append(out.Leaves, *byLeaf[index])
	}
	if out.Proof, err = formats.ProveLeaves(checkpoint.Size, indexes, hashes); err != nil {
		return nil, err
	}
	consistency := func(size uint64) ([]tlog.Hash, error) {
		older, newer := min(size, checkpoint.Size), max(size, checkpoint.Size)
		if older == newer {
			return nil, nil
		}
		proof, err := tlog.ProveTree(int64(newer), int64(older), hashes)
		if err != nil {
			return nil, fmt.Errorf("prove that the trees of %d and %d leaves are one: %w", older, newer, err)
		}
		return proof, nil
	}
	for _, a := range b.anchors {
		proof, err := consistency(a.checkpoint.Size)
		if err != nil {
			return nil, err
		}
		out.Anchors = append(out.Anchors, verify.BundledAnchor{Checkpoint: a.checkpoint.Note, Consistency: proof, Entry: a.entry})
	}
	for _, c := range b.cosigned {
		proof, err := consistency(c.Size)
		if err != nil {
			return nil, err
		}
		out.Cosigned = append(out.Cosigned, verify.BundledCosigned{Checkpoint: c.Note, Consistency: proof})
	}
	for _, t := range b.timestamps {
		proof, err := consistency(t.checkpoint.Size)
		if err != nil {
			return nil, err
		}
		out.Timestamps = append(out.Timestamps, verify.BundledTimestamp{Checkpoint: t.checkpoint.Note, Consistency: proof, Token: t.token})
	}
	out.Sort()
	return out, nil
}

// checkpoint chooses the one to prove everything under: the smallest that is anchored
// and covers all, or else the newest.
func (b *builder) checkpoint() *formats.Checkpoint {
	var last uint64
	for ref := range b.shown {
		last = max(last, ref.Leaf)
	}
	chosen := b.newest
	for _, a := range b.anchors {
		if c := a.checkpoint; c.Size > last && (c.Size < chosen.Size || bytes.Equal(chosen.Note, b.newest.Note)) {
			chosen = c
		}
	}
	return chosen
}
