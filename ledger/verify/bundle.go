package verify

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Ref names an event by its leaf and its place in the envelope, from 0: event 3 of
// leaf 12 is "12/3".
type Ref struct {
	Leaf  uint64
	Event int
}

// String returns the ref as it is written.
func (r Ref) String() string {
	return strconv.FormatUint(r.Leaf, 10) + "/" + strconv.Itoa(r.Event)
}

// MarshalText writes the ref.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a ref.
func (r *Ref) UnmarshalText(b []byte) (err error) {
	*r, err = ParseRef(string(b))
	return err
}

// ParseRef reads a ref in its one written form.
func ParseRef(s string) (Ref, error) {
	leaf, event, _ := strings.Cut(s, "/")
	l, err := strconv.ParseUint(leaf, 10, 63)
	e, err2 := strconv.ParseUint(event, 10, 31)
	if r := (Ref{l, int(e)}); err == nil && err2 == nil && r.String() == s {
		return r, nil
	}
	return Ref{}, fmt.Errorf("%.40q names no event: want LEAF/EVENT, as in 12/3", s)
}

func compareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Leaf, b.Leaf), cmp.Compare(a.Event, b.Event))
}

// Bundle is evidence of events, for somebody who has nothing but a trust file: a
// zip with one written form, whose parts are named in docs/formats.md. It proves
// nothing by being read: see [VerifyBundle].
type Bundle struct {
	// About are the events that it is evidence of, ascending. Everything else in it
	// serves them.
	About []Ref
	// Anchors ascend by the size of their checkpoint, then by their entry's bytes.
	Anchors []BundledAnchor
	// Cosigned ascend by the size of their checkpoint, then by their bytes.
	Cosigned []BundledCosigned
	// Leaves ascend by index.
	Leaves []BundledLeaf
	// Timestamps ascend by the size of their checkpoint, then by their token's bytes.
	Timestamps []BundledTimestamp
}

// BundledAnchor is a checkpoint of the ledger in a Rekor.
type BundledAnchor struct {
	// Checkpoint is the signed note that was anchored.
	Checkpoint []byte
	// Consistency proves that its tree and that of the receipts are one. It is nil
	// where they are of the same size.
	Consistency []tlog.Hash
	// Entry is the Rekor's entry in its one written form ([LogEntry.Marshal]).
	Entry []byte
}

// BundledCosigned is a checkpoint of the ledger that witnesses have cosigned.
type BundledCosigned struct {
	// Checkpoint is the signed note, with the cosignatures.
	Checkpoint []byte
	// Consistency proves that its tree and that of the receipts are one. It is nil
	// where they are of the same size.
	Consistency []tlog.Hash
}

// BundledTimestamp is a checkpoint of the ledger for which an authority has signed a
// time (RFC 3161).
type BundledTimestamp struct {
	// Checkpoint is the signed note that the token is over.
	Checkpoint []byte
	// Consistency proves that its tree and that of the receipts are one. It is nil
	// where they are of the same size.
	Consistency []tlog.Hash
	Token       []byte // DER
}

// BundledLeaf is a leaf and as much of its body as is shown.
type BundledLeaf struct {
	// Receipt proves the leaf. All receipts of a bundle are for one checkpoint.
	Receipt *Receipt
	// Line1 is line 1 of the envelope, without its line feed.
	Line1 []byte
	// Events ascend by place.
	Events []BundledEvent
}

// BundledEvent is one event of an envelope.
type BundledEvent struct {
	// Place is where it stands among the envelope's events, from 0.
	Place int
	// Line is the event, without its line feed.
	Line []byte
}

const (
	aboutHead   = "saksi evidence v1\n"
	aboutMember = "about"

	// MaxAnchors, MaxCosigned, MaxTimestamps, MaxLeaves and MaxEvents are the most of each
	// in a bundle. They bound the work, and the statement, that a bundle can ask for.
	MaxAnchors    = 64
	MaxCosigned   = 64
	MaxTimestamps = 64
	MaxLeaves     = 1000
	MaxEvents     = 10_000
)

func anchorMember(i int, part string) string     { return fmt.Sprintf("anchors/%04d/%s", i+1, part) }
func cosignedMember(i int, part string) string   { return fmt.Sprintf("cosigned/%04d/%s", i+1, part) }
func timestampMember(i int, part string) string  { return fmt.Sprintf("timestamps/%04d/%s", i+1, part) }
func leafMember(leaf uint64, part string) string { return fmt.Sprintf("leaves/%020d/%s", leaf, part) }
func eventPart(place int) string                 { return fmt.Sprintf("events/%04d.json", place) }

// Marshal returns the bundle's one written form.
func (b *Bundle) Marshal() ([]byte, error) {
	about := []byte(aboutHead)
	for _, r := range b.About {
		about = append(append(about, r.String()...), '\n')
	}
	members := []member{{aboutMember, about}}
	for i, a := range b.Anchors {
		members = append(members, member{anchorMember(i, "checkpoint"), a.Checkpoint})
		if a.Consistency != nil {
			members = append(members, member{anchorMember(i, "consistency"), marshalHashes(a.Consistency)})
		}
		members = append(members, member{anchorMember(i, "entry.json"), a.Entry})
	}
	for i, c := range b.Cosigned {
		members = append(members, member{cosignedMember(i, "checkpoint"), c.Checkpoint})
		if c.Consistency != nil {
			members = append(members, member{cosignedMember(i, "consistency"), marshalHashes(c.Consistency)})
		}
	}
	for _, l := range b.Leaves {
		for _, e := range l.Events {
			members = append(members, member{leafMember(l.Receipt.Index, eventPart(e.Place)), e.Line})
		}
		members = append(members, member{leafMember(l.Receipt.Index, "line1.json"), l.Line1},
			member{leafMember(l.Receipt.Index, "receipt"), l.Receipt.Marshal()})
	}
	for i, t := range b.Timestamps {
		members = append(members, member{timestampMember(i, "checkpoint"), t.Checkpoint})
		if t.Consistency != nil {
			members = append(members, member{timestampMember(i, "consistency"), marshalHashes(t.Consistency)})
		}
		members = append(members, member{timestampMember(i, "token"), t.Token})
	}
	text, err := marshalContainer(members)
	if err != nil {
		return nil, fmt.Errorf("evidence bundle: %w", err)
	}
	return text, nil
}

// ParseBundle reads a bundle. The result aliases b.
func ParseBundle(b []byte) (*Bundle, error) {
	members, err := parseContainer(b)
	if err != nil {
		return nil, fmt.Errorf("evidence bundle: %w", err)
	}
	p := &bundleParser{members: members}
	bundle, err := p.bundle()
	if err == nil {
		err = bundle.checkOrder()
	}
	if err != nil {
		return nil, fmt.Errorf("evidence bundle: %w", err)
	}
	return bundle, nil
}

// bundleParser takes members one by one, in their order.
type bundleParser struct{ members []member }

// next returns the next member if it has this name.
func (p *bundleParser) next(name string) ([]byte, bool) {
	if len(p.members) == 0 || p.members[0].name != name {
		return nil, false
	}
	data := p.members[0].data
	p.members = p.members[1:]
	return data, true
}

func (p *bundleParser) must(name string) ([]byte, error) {
	data, ok := p.next(name)
	if !ok {
		return nil, fmt.Errorf("%s is missing, or stands elsewhere", name)
	}
	return data, nil
}

func (p *bundleParser) bundle() (*Bundle, error) {
	bundle := &Bundle{}
	about, err := p.must(aboutMember)
	if err != nil {
		return nil, err
	}
	if bundle.About, err = parseAbout(about); err != nil {
		return nil, err
	}
	for len(p.members) > 0 && strings.HasPrefix(p.members[0].name, "anchors/") {
		if len(bundle.Anchors) == MaxAnchors {
			return nil, fmt.Errorf("it holds more than %d anchors", MaxAnchors)
		}
		a, err := p.anchor(len(bundle.Anchors))
		if err != nil {
			return nil, err
		}
		bundle.Anchors = append(bundle.Anchors, a)
	}
	for len(p.members) > 0 && strings.HasPrefix(p.members[0].name, "cosigned/") {
		if len(bundle.Cosigned) == MaxCosigned {
			return nil, fmt.Errorf("it holds more than %d cosigned checkpoints", MaxCosigned)
		}
		c, err := p.cosigned(len(bundle.Cosigned))
		if err != nil {
			return nil, err
		}
		bundle.Cosigned = append(bundle.Cosigned, c)
	}
	for len(p.members) > 0 && !strings.HasPrefix(p.members[0].name, "timestamps/") {
		l, err := p.leaf()
		if err != nil {
			return nil, err
		}
		bundle.Leaves = append(bundle.Leaves, l)
	}
	for len(p.members) > 0 {
		if len(bundle.Timestamps) == MaxTimestamps {
			return nil, fmt.Errorf("it holds more than %d timestamps", MaxTimestamps)
		}
		t, err := p.timestamp(len(bundle.Timestamps))
		if err != nil {
			return nil, err
		}
		bundle.Timestamps = append(bundle.Timestamps, t)
	}
	return bundle, nil
}

func parseAbout(b []byte) ([]Ref, error) {
	text, ok := strings.CutPrefix(string(b), aboutHead)
	if !ok {
		return nil, fmt.Errorf("%s does not begin with the line %q", aboutMember, strings.TrimSpace(aboutHead))
	}
	var refs []Ref
	for text != "" {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return nil, fmt.Errorf("the last line of %s has no end", aboutMember)
		}
		ref, err := ParseRef(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", aboutMember, err)
		}
		refs = append(refs, ref)
		text = rest
	}
	return refs, nil
}

func (p *bundleParser) anchor(i int) (a BundledAnchor, err error) {
	if a.Checkpoint, err = p.must(anchorMember(i, "checkpoint")); err != nil {
		return a, err
	}
	if a.Consistency, err = p.consistency(anchorMember(i, "consistency")); err != nil {
		return a, err
	}
	if a.Entry, err = p.must(anchorMember(i, "entry.json")); err != nil {
		return a, err
	}
	return a, nil
}

func (p *bundleParser) cosigned(i int) (c BundledCosigned, err error) {
	if c.Checkpoint, err = p.must(cosignedMember(i, "checkpoint")); err != nil {
		return c, err
	}
	c.Consistency, err = p.consistency(cosignedMember(i, "consistency"))
	return c, err
}

func (p *bundleParser) timestamp(i int) (t BundledTimestamp, err error) {
	if t.Checkpoint, err = p.must(timestampMember(i, "checkpoint")); err != nil {
		return t, err
	}
	if t.Consistency, err = p.consistency(timestampMember(i, "consistency")); err != nil {
		return t, err
	}
	t.Token, err = p.must(timestampMember(i, "token"))
	return t, err
}

// consistency takes a consistency proof, if that is next.
func (p *bundleParser) consistency(name string) ([]tlog.Hash, error) {
	text, ok := p.next(name)
	if !ok {
		return nil, nil
	}
	hashes, err := parseHashes(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return hashes, nil
}

func (p *bundleParser) leaf() (l BundledLeaf, err error) {
	name := p.members[0].name
	digits, ok := strings.CutPrefix(name, "leaves/")
	digits, _, _ = strings.Cut(digits, "/")
	index, err := strconv.ParseUint(digits, 10, 63)
	if !ok || err != nil || !strings.HasPrefix(name, leafMember(index, "")) {
		return l, fmt.Errorf("there is no place for a file %s", name)
	}
	events := leafMember(index, "events/")
	for len(p.members) > 0 && strings.HasPrefix(p.members[0].name, events) {
		place, err := strconv.ParseUint(strings.TrimSuffix(p.members[0].name[len(events):], ".json"), 10, 31)
		line, ok := p.next(leafMember(index, eventPart(int(place))))
		if err != nil || !ok {
			return l, fmt.Errorf("there is no place for a file %s", p.members[0].name)
		}
		l.Events = append(l.Events, BundledEvent{int(place), line})
	}
	if l.Line1, err = p.must(leafMember(index, "line1.json")); err != nil {
		return l, err
	}
	receipt, err := p.must(leafMember(index, "receipt"))
	if err != nil {
		return l, err
	}
	if l.Receipt, err = ParseReceipt(receipt); err != nil {
		return l, fmt.Errorf("leaf %d: %w", index, err)
	}
	if l.Receipt.Index != index {
		return l, fmt.Errorf("leaf %d: its receipt is one of leaf %d", index, l.Receipt.Index)
	}
	if !bytes.Equal(l.Receipt.Marshal(), receipt) {
		return l, fmt.Errorf("leaf %d: its receipt is not in its one written form", index)
	}
	return l, nil
}

// checkOrder checks what the names of the members don't.
func (b *Bundle) checkOrder() error {
	switch {
	case len(b.About) == 0:
		return errors.New("it does not say what it is about")
	case len(b.Leaves) == 0:
		return errors.New("it holds no leaf")
	case len(b.Leaves) > MaxLeaves:
		return fmt.Errorf("it holds more than %d leaves", MaxLeaves)
	case !ascending(b.About, compareRefs):
		return errors.New("what it is about is not in order")
	case !ascending(b.Anchors, compareAnchors):
		return errors.New("its anchors are not in order")
	case !ascending(b.Cosigned, compareCosigned):
		return errors.New("its cosigned checkpoints are not in order")
	case !ascending(b.Timestamps, compareTimestamps):
		return errors.New("its timestamps are not in order")
	}
	shown := 0
	for _, l := range b.Leaves {
		if len(l.Events) == 0 {
			return fmt.Errorf("leaf %d: it shows no event", l.Receipt.Index)
		}
		if shown += len(l.Events); shown > MaxEvents {
			return fmt.Errorf("it shows more than %d events", MaxEvents)
		}
	}
	return nil
}

// ascending reports whether a list is in order and has nothing twice.
func ascending[T any](list []T, compare func(a, b T) int) bool {
	for i := 1; i < len(list); i++ {
		if compare(list[i-1], list[i]) >= 0 {
			return false
		}
	}
	return true
}

// Sort puts everything in its order, so that the bundle can be written.
func (b *Bundle) Sort() {
	slices.SortFunc(b.About, compareRefs)
	b.About = slices.Compact(b.About)
	slices.SortFunc(b.Leaves, func(x, y BundledLeaf) int { return cmp.Compare(x.Receipt.Index, y.Receipt.Index) })
	for _, l := range b.Leaves {
		slices.SortFunc(l.Events, func(x, y BundledEvent) int { return cmp.Compare(x.Place, y.Place) })
	}
	slices.SortFunc(b.Anchors, compareAnchors)
	slices.SortFunc(b.Cosigned, compareCosigned)
	slices.SortFunc(b.Timestamps, compareTimestamps)
}

func compareAnchors(x, y BundledAnchor) int {
	return cmp.Or(cmp.Compare(sizeIn(x.Checkpoint), sizeIn(y.Checkpoint)), bytes.Compare(x.Entry, y.Entry))
}

func compareCosigned(x, y BundledCosigned) int {
	return cmp.Or(cmp.Compare(sizeIn(x.Checkpoint), sizeIn(y.Checkpoint)), bytes.Compare(x.Checkpoint, y.Checkpoint))
}

func compareTimestamps(x, y BundledTimestamp) int {
	return cmp.Or(cmp.Compare(sizeIn(x.Checkpoint), sizeIn(y.Checkpoint)), bytes.Compare(x.Token, y.Token))
}

// sizeIn returns the size that stands in a checkpoint, signed or not, or 0.
func sizeIn(checkpoint []byte) uint64 {
	c, err := parseCheckpoint(string(checkpoint))
	if err != nil {
		return 0
	}
	return c.Size
}

func marshalHashes(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, 45*len(hashes))
	for _, h := range hashes {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return b
}

// parseHashes reads hashes in base64, a line each.
func parseHashes(b []byte) ([]tlog.Hash, error) {
	hashes := []tlog.Hash{}
	for len(b) > 0 {
		line, rest, ok := bytes.Cut(b, []byte("\n"))
		hash, err := decodeLine(line)
		if !ok || err != nil || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("line %d is not the base64 of 32 bytes", len(hashes)+1)
		}
		if hashes = append(hashes, tlog.Hash(hash)); len(hashes) > maxProof+1 {
			return nil, fmt.Errorf("more than %d hashes", maxProof+1)
		}
		b = rest
	}
	return hashes, nil
}
