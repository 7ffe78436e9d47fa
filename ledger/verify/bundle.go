package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Bundle is evidence of events, for somebody who has nothing but a trust file: a
// zip with one written form, whose parts are named in docs/formats.md. It proves
// nothing by being read: see [Verify].
type Bundle struct {
	// About are the events that it is evidence of, ascending. Everything else in it
	// serves them.
	About []events.Ref
	// Withheld are those of them that it doesn't show, ascending: they were erased, or
	// somebody took them out. What stood at their place is proven, but for what it says.
	Withheld []events.Ref
	// Checkpoint is the signed note that all leaves are proven under.
	Checkpoint []byte
	// Anchors ascend by the size of their checkpoint, then by their entry's bytes.
	Anchors []BundledAnchor
	// Cosigned ascend by the size of their checkpoint, then by their bytes.
	Cosigned []BundledCosigned
	// Timestamps ascend by the size of their checkpoint, then by their token's bytes.
	Timestamps []BundledTimestamp
	// Leaves ascend by index.
	Leaves []BundledLeaf
	// Proof is that of all leaves: [formats.ProveLeaves].
	Proof []tlog.Hash
}

// BundledAnchor is a checkpoint of the ledger in a Rekor.
type BundledAnchor struct {
	// Checkpoint is the signed note that was anchored.
	Checkpoint []byte
	// Consistency proves that its tree and that of the bundle are one. It is nil
	// where they are of the same size.
	Consistency []tlog.Hash
	// Entry is the Rekor's entry in its one written form ([LogEntry.Marshal]).
	Entry []byte
}

// BundledCosigned is a checkpoint of the ledger that witnesses have cosigned.
type BundledCosigned struct {
	// Checkpoint is the signed note, with the cosignatures.
	Checkpoint []byte
	// Consistency proves that its tree and that of the bundle are one. It is nil
	// where they are of the same size.
	Consistency []tlog.Hash
}

// BundledTimestamp is a checkpoint of the ledger for which an authority has signed a
// time (RFC 3161).
type BundledTimestamp struct {
	// Checkpoint is the signed note that the token is over.
	Checkpoint []byte
	// Consistency proves that its tree and that of the bundle are one. It is nil
	// where they are of the same size.
	Consistency []tlog.Hash
	Token       []byte // DER
}

// BundledLeaf is a leaf and as much of its body as is shown.
type BundledLeaf struct {
	Index uint64
	Leaf  []byte
	// Line1 is line 1 of the envelope, without its line feed.
	Line1 []byte
	// Events ascend by place. There may be none.
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
	aboutHead        = "saksi evidence v2\n"
	aboutMember      = "about"
	withheldMark     = " withheld"
	checkpointMember = "checkpoint"
	leavesMember     = "leaves"
	proofMember      = "proof"

	// MaxAnchors, MaxCosigned, MaxTimestamps, MaxEvents and MaxSupport are the most of
	// each in a bundle: MaxEvents of what it is about, MaxSupport of other events that are
	// shown. They bound the work that a bundle can ask for.
	MaxAnchors    = 512
	MaxCosigned   = 512
	MaxTimestamps = 512
	MaxEvents     = 100_000
	MaxSupport    = 10_000

	maxAbout = 8 << 20 // bytes
)

func anchorMember(i int, part string) string    { return fmt.Sprintf("anchors/%04d/%s", i+1, part) }
func cosignedMember(i int, part string) string  { return fmt.Sprintf("cosigned/%04d/%s", i+1, part) }
func timestampMember(i int, part string) string { return fmt.Sprintf("timestamps/%04d/%s", i+1, part) }

// WriteTo writes the bundle in its one written form.
func (b *Bundle) WriteTo(w io.Writer) (int64, error) {
	counted := &frame{w: w}
	if err := writeContainer(counted, b.members()); err != nil {
		return counted.at, fmt.Errorf("evidence bundle: %w", err)
	}
	return counted.at, nil
}

// Marshal returns the bundle's one written form.
func (b *Bundle) Marshal() ([]byte, error) {
	var text bytes.Buffer
	if _, err := b.WriteTo(&text); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func (b *Bundle) members() []member {
	members := []member{bytesMember(aboutMember, b.marshalAbout())}
	for i, a := range b.Anchors {
		members = append(members, bytesMember(anchorMember(i, "checkpoint"), a.Checkpoint))
		if a.Consistency != nil {
			members = append(members, bytesMember(anchorMember(i, "consistency"), formats.MarshalHashes(a.Consistency)))
		}
		members = append(members, bytesMember(anchorMember(i, "entry.json"), a.Entry))
	}
	members = append(members, bytesMember(checkpointMember, b.Checkpoint))
	for i, c := range b.Cosigned {
		members = append(members, bytesMember(cosignedMember(i, "checkpoint"), c.Checkpoint))
		if c.Consistency != nil {
			members = append(members, bytesMember(cosignedMember(i, "consistency"), formats.MarshalHashes(c.Consistency)))
		}
	}
	members = append(members,
		member{leavesMember, func(w io.Writer) error { return writeLeaves(w, b.Leaves) }},
		bytesMember(proofMember, formats.MarshalHashes(b.Proof)))
	for i, t := range b.Timestamps {
		members = append(members, bytesMember(timestampMember(i, "checkpoint"), t.Checkpoint))
		if t.Consistency != nil {
			members = append(members, bytesMember(timestampMember(i, "consistency"), formats.MarshalHashes(t.Consistency)))
		}
		members = append(members, bytesMember(timestampMember(i, "token"), t.Token))
	}
	return members
}

func (b *Bundle) marshalAbout() []byte {
	about := []byte(aboutHead)
	withheld := b.Withheld
	for _, r := range b.About {
		about = append(about, r.String()...)
		if len(withheld) > 0 && withheld[0] == r {
			about = append(about, withheldMark...)
			withheld = withheld[1:]
		}
		about = append(about, '\n')
	}
	return about
}

// checkOrder checks what can be said of a bundle without its leaves.
func (b *Bundle) checkOrder() error {
	switch {
	case len(b.About) == 0:
		return errors.New("it does not say what it is about")
	case len(b.About) > MaxEvents:
		return fmt.Errorf("it is about more than %d events", MaxEvents)
	case !ascending(b.About, events.Ref.Compare):
		return errors.New("what it is about is not in order")
	case !ascending(b.Anchors, compareAnchors):
		return errors.New("its anchors are not in order")
	case !ascending(b.Cosigned, compareCosigned):
		return errors.New("its cosigned checkpoints are not in order")
	case !ascending(b.Timestamps, compareTimestamps):
		return errors.New("its timestamps are not in order")
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
	slices.SortFunc(b.About, events.Ref.Compare)
	b.About = slices.Compact(b.About)
	slices.SortFunc(b.Withheld, events.Ref.Compare)
	b.Withheld = slices.Compact(b.Withheld)
	slices.SortFunc(b.Leaves, func(x, y BundledLeaf) int { return cmp.Compare(x.Index, y.Index) })
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
	c, err := formats.ParseCheckpoint(checkpoint)
	if err != nil {
		return 0
	}
	return c.Size
}
