// Package sequence follows the numbers of each recorder, manifest by manifest: what is
// missing, repeated, or breaks the chain.
//
// Admission accepts all of that; here it is noticed. A Trail remembers for each recorder
// how far it came, and for each stretch of numbers the digests of its events, all of it
// in states of the view that holds the Trail, so on disk.
//
// Not here: verdicts: admission accepts all of it, and findings report it.
package sequence

import (
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/projections"
)

// MaxGaps is how many gaps of an incarnation are followed one by one. Of numbers
// missing beyond them only the sum is known, so that an operator who leaves out every
// second number costs no more than that.
const MaxGaps = 64

// Tracker follows recorders. It keeps nothing itself, and is as safe for concurrent
// use as the view whose states it writes.
type Tracker struct {
	heads    *projections.State[head]
	segments *projections.State[segment]
	detail   bool
}

// New returns a Trail whose states are called view-heads and
// view-segments. With
// detail it remembers manifests and times of events too, which [Tracker.Between] reads.
func New(view string, detail bool) *Tracker {
	return &Tracker{
		heads:    projections.NewState[head](view + "-heads"),
		segments: projections.NewState[segment](view + "-segments"),
		detail:   detail,
	}
}

// Tables returns the states that the Trail writes.
func (t *Tracker) Tables() []projections.Schema {
	return []projections.Schema{t.heads, t.segments}
}

// head is how far an incarnation of a recorder came. The highest one stands under the
// recorder's name, earlier ones under name and number.
type head struct {
	Incarnation uint64 `json:"i"`
	Last        uint64 `json:"l"` // highest number
	// Manifest is the one that took Last; of the incarnation before, where nothing
	// of this one came yet. Zero: not known.
	Manifest events.Digest `json:"m,omitzero"`
	Ref      events.Ref    `json:"r"`           // the first event of Manifest
	Longest  uint64        `json:"n,omitempty"` // most numbers in one segment
	Gaps     []gap         `json:"g,omitempty"` // in order of From
	Lost     uint64        `json:"x,omitempty"` // numbers missing beyond MaxGaps
	// Before is up to where the numbers were said in the tree before this one.
	Before uint64 `json:"b,omitempty"`
}

// gap is a stretch of numbers that nothing came for.
type gap struct {
	From   uint64 `json:"f"`
	To     uint64 `json:"t"`
	Origin uint64 `json:"o"` // From of the gap that this is what remains of
	// Before is the manifest that ends before the gap, After what the manifest that
	// begins after it names as its previous one. Zero: can't be compared.
	Before events.Digest `json:"b,omitzero"`
	After  events.Digest `json:"a,omitzero"`
	Next   events.Ref    `json:"r"` // the first event after the gap
}

// Step is what a manifest was, measured by those before it.
type Step struct {
	Recorder    events.Recorder
	Incarnation uint64
	// First and Last are the numbers that it took.
	First, Last uint64
	// Ref is its first event.
	Ref events.Ref
	// Known is false where nothing of this recorder came before.
	Known bool
	// Behind is true of an incarnation that a later one has already followed.
	Behind bool
	// Restart is where an earlier incarnation stood, if this is the first manifest
	// of a later one.
	Restart *Restart
	// Opened is the gap that this manifest left before it.
	Opened *Gap
	// Filled are gaps of which this manifest brought numbers, as they are now.
	Filled []Gap
	// Lost is how many numbers are missing beyond [MaxGaps], LostBefore how many
	// were before this manifest.
	Lost, LostBefore uint64
	// Missing is how many numbers of the incarnation are missing in all, MissingBefore
	// how many were.
	Missing, MissingBefore uint64
	// Breaks are manifests that don't name the one before them.
	Breaks []Break
	// Repeated counts events that were said before under the same number,
	// word for word.
	Repeated uint64
	// Contradicted are numbers under which something else was said before. What
	// was said first is what later ones are compared with.
	Contradicted []Contradiction
}

// Restart is where the incarnation before stood.
type Restart struct {
	Incarnation, Last uint64
	Ref               events.Ref // its last manifest's first event
}

// Gap is a stretch of numbers that was left out. From and To are as it was opened.
type Gap struct {
	From, To uint64 // To is 0 where only what is left of the gap was looked at
	Missing  uint64 // now
}

// Break is a manifest that doesn't name the one before it.
type Break struct {
	Number uint64 // its first
	Ref    events.Ref
	Named  events.Digest // zero: none
	Wanted events.Digest // zero: there was none to name
	// Before is the first event of the manifest that ought to have been named, where
	// it is known.
	Before *events.Ref
}

// Contradiction is a number under which two different events were said.
type Contradiction struct {
	Number         uint64
	Earlier, Later events.Ref
}

// Follow takes in a leaf. It returns nil where the leaf is no accepted envelope of an
// operator's. Where the body is gone, the numbers that the leaf took count as said,
// whatever they said.
func (t *Tracker) Follow(tx *projections.Tx, f *projections.Fact) (*Step, error) {
	if f.Leaf.Verdict != formats.Accepted {
		return nil, nil
	}
	m := f.Manifest
	if m == nil {
		return t.followBlind(tx, f)
	}
	if !m.Recorder.IsOperator() {
		return nil, t.goOnFrom(tx, f)
	}
	s := &Step{
		Recorder: m.Recorder, Incarnation: m.Incarnation, First: m.First, Last: m.Last(),
		Ref: firstRef(f), Known: true,
	}
	key, h, err := t.find(tx, m, s)
	if err != nil {
		return nil, err
	}
	s.LostBefore, s.MissingBefore = h.Lost, h.missing()
	digest := events.DigestOf(m.Marshal())
	said := t.newSegment(f, digest)
	if m.First > h.Last {
		err = t.goOn(tx, key, h, m, said, s)
	} else {
		err = t.overlap(tx, key, h, m, digest, said, s)
	}
	if err != nil {
		return nil, fmt.Errorf("follow %s in leaf %d: %w", m.Recorder, f.Index, err)
	}
	if m.Last() > h.Last {
		h.Last, h.Manifest, h.Ref = m.Last(), digest, s.Ref
	}
	s.Lost, s.Missing = h.Lost, h.missing()
	return s, t.heads.Put(tx, key, h)
}

// goOnFrom takes in where recorders stood in the tree before this one, as the registry
// says it. The numbers up to there count as said, whatever they said.
func (t *Tracker) goOnFrom(tx *projections.Tx, f *projections.Fact) error {
	for i := range f.Events {
		e := &f.Events[i]
		d, ok := e.Data.(*events.RecorderContinued)
		if !ok {
			continue
		}
		manifest, err := events.ParseDigest(d.Manifest)
		if err != nil {
			continue // it names none: nothing goes on from it
		}
		_, known, err := t.heads.Get(tx, d.Recorder)
		if err == nil && !known {
			last := uint64(d.Last)
			err = t.heads.Put(tx, d.Recorder, &head{Incarnation: uint64(d.Incarnation), Last: last, Manifest: manifest, Ref: e.Ref, Before: last})
		}
		if err != nil {
			return fmt.Errorf("go on with %s: %w", d.Recorder, err)
		}
	}
	return nil
}

// find returns the head of a manifest's incarnation, and the key that it is kept by.
func (t *Tracker) find(tx *projections.Tx, m *events.Manifest, s *Step) (string, *head, error) {
	name := m.Recorder.String()
	h, known, err := t.heads.Get(tx, name)
	switch {
	case err != nil:
		return "", nil, err
	case !known:
		s.Known = false
		return name, &head{Incarnation: m.Incarnation}, nil
	case m.Incarnation == h.Incarnation:
		return name, h, nil
	case m.Incarnation > h.Incarnation:
		if err := t.heads.Put(tx, incarnationKey(name, h.Incarnation), h); err != nil {
			return "", nil, err
		}
		s.Restart = &Restart{Incarnation: h.Incarnation, Last: h.Last, Ref: h.Ref}
		return name, &head{Incarnation: m.Incarnation, Manifest: h.Manifest, Ref: h.Ref}, nil
	}
	s.Behind = true
	key := incarnationKey(name, m.Incarnation)
	h, known, err = t.heads.Get(tx, key)
	if err == nil && !known {
		h = &head{Incarnation: m.Incarnation}
	}
	return key, h, err
}

// goOn takes in a manifest whose numbers are all higher than any before.
func (t *Tracker) goOn(tx *projections.Tx, key string, h *head, m *events.Manifest, said *segment, s *Step) error {
	begins := !s.Known && m.Incarnation == 1
	switch {
	case m.First > h.Last+1:
		h.open(gap{From: h.Last + 1, To: m.First - 1, Origin: h.Last + 1, Before: h.Manifest, After: m.Previous, Next: s.Ref}, s)
		if m.Previous.IsZero() {
			s.Breaks = append(s.Breaks, Break{Number: m.First, Ref: s.Ref})
		}
	case begins && !m.Previous.IsZero():
		s.Breaks = append(s.Breaks, Break{Number: m.First, Ref: s.Ref, Named: m.Previous})
	case !h.Manifest.IsZero() && m.Previous != h.Manifest:
		s.Breaks = append(s.Breaks, Break{Number: m.First, Ref: s.Ref, Named: m.Previous, Wanted: h.Manifest, Before: &h.Ref})
	}
	return t.keep(tx, s.Recorder, h, m.First, said)
}

// followBlind takes in a leaf without its body. Which incarnation it was is not
// known: the highest is taken.
func (t *Tracker) followBlind(tx *projections.Tx, f *projections.Fact) (*Step, error) {
	recorder, err := events.ParseSubject(f.Leaf.Subject)
	if err != nil || !recorder.IsOperator() {
		return nil, nil
	}
	name := recorder.String()
	h, known, err := t.heads.Get(tx, name)
	if err != nil {
		return nil, err
	}
	if !known {
		h = &head{Incarnation: 1}
	}
	s := &Step{
		Recorder: recorder, Incarnation: h.Incarnation, First: f.Leaf.First, Last: f.Leaf.First + f.Leaf.Count - 1,
		Ref: firstRef(f), Known: true, LostBefore: h.Lost, MissingBefore: h.missing(),
	}
	for _, origin := range h.fill(s.First, s.Last) {
		s.Filled = append(s.Filled, Gap{From: origin, Missing: h.left(origin)})
	}
	if s.First > h.Last+1 && known {
		opened := gap{From: h.Last + 1, To: s.First - 1, Origin: h.Last + 1, Before: h.Manifest, Next: s.Ref}
		h.open(opened, s)
	}
	if s.Last > h.Last {
		h.Last, h.Manifest, h.Ref = s.Last, events.Digest{}, s.Ref
	}
	s.Lost, s.Missing = h.Lost, h.missing()
	return s, t.heads.Put(tx, name, h)
}

// missing returns how many numbers below the last have not come.
func (h *head) missing() uint64 {
	n := h.Lost
	for _, g := range h.Gaps {
		n += g.To - g.From + 1
	}
	return n
}

func incarnationKey(name string, incarnation uint64) string {
	return fmt.Sprintf("%s#%d", name, incarnation)
}

func firstRef(f *projections.Fact) events.Ref {
	if len(f.Events) > 0 {
		return f.Events[0].Ref
	}
	return events.Ref{Leaf: f.Index}
}

// timeOf returns an event's time in seconds since 1970; the time of receipt where it
// has none.
func timeOf(e *projections.Event, received time.Time) int64 {
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil {
		at = received
	}
	return at.Unix()
}
