package sequence

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// maxWalk bounds how many segments [Tracker.Between] visits.
const maxWalk = 200_000

// segment is what was first said under a stretch of numbers. Segments don't overlap:
// of what is said again only the numbers that are new make one. So that each is found
// by its first number, and the longest is known, none need be searched for.
type segment struct {
	Ref     events.Ref `json:"r"` // of the first event
	Digests []byte     `json:"d"` // of each event, one after the other: whole ones, for whoever contradicts itself chooses both events
	// Manifest is the one that said it, and Last whether it ends with it.
	Manifest events.Digest `json:"m,omitzero"`
	Ends     bool          `json:"e,omitempty"`
	// Start is the first event's time in seconds since 1970; Times are the others'
	// after it, four bytes each.
	Start int64  `json:"s,omitempty"`
	Times []byte `json:"t,omitempty"`
	// Attests are the places of attestations, which count for nobody's touching.
	Attests []uint64 `json:"a,omitempty"`
}

func (s *segment) count() uint64 { return uint64(len(s.Digests) / len(events.Digest{})) }

func (s *segment) digest(i uint64) []byte {
	const size = uint64(len(events.Digest{}))
	return s.Digests[i*size : (i+1)*size]
}

func (s *segment) ref(i uint64) events.Ref {
	return events.Ref{Leaf: s.Ref.Leaf, Event: s.Ref.Event + int(i)}
}

func (s *segment) time(i uint64) time.Time {
	if len(s.Times) == 0 {
		return time.Unix(s.Start, 0).UTC()
	}
	after := int32(binary.BigEndian.Uint32(s.Times[4*i:]))
	return time.Unix(s.Start+int64(after), 0).UTC()
}

// part returns what a segment says of n events from i on.
func (s *segment) part(i, n uint64) *segment {
	const size = uint64(len(events.Digest{}))
	p := *s
	p.Ref = s.ref(i)
	p.Digests = s.Digests[i*size : (i+n)*size]
	p.Ends = s.Ends && i+n == s.count()
	if len(s.Times) > 0 {
		p.Times = s.Times[4*i : 4*(i+n)]
	}
	p.Attests = nil
	for _, at := range s.Attests {
		if at >= i && at < i+n {
			p.Attests = append(p.Attests, at-i)
		}
	}
	return &p
}

func (t *Tracker) newSegment(f *projections.Fact, manifest events.Digest) *segment {
	s := &segment{Ref: firstRef(f)}
	s.Digests = make([]byte, 0, len(f.Manifest.Events)*len(events.Digest{}))
	for i := range f.Manifest.Events {
		s.Digests = append(s.Digests, f.Manifest.Events[i][:]...)
	}
	if !t.detail {
		return s
	}
	s.Manifest, s.Ends, s.Start = manifest, true, f.Leaf.Received.Unix()
	if len(f.Events) != len(f.Manifest.Events) {
		return s // some were erased: the time of receipt stands for all
	}
	same := true
	for i := range f.Events {
		at := timeOf(&f.Events[i], f.Leaf.Received)
		if i == 0 {
			s.Start = at
		}
		after := min(max(at-s.Start, math.MinInt32), math.MaxInt32)
		s.Times = binary.BigEndian.AppendUint32(s.Times, uint32(int32(after)))
		same = same && after == 0
		if f.Events[i].Type == events.TypeAttestationPeriod {
			s.Attests = append(s.Attests, uint64(i))
		}
	}
	if same {
		s.Times = nil
	}
	return s
}

// keep remembers a segment.
func (t *Tracker) keep(tx *projections.Tx, recorder events.Recorder, h *head, first uint64, s *segment) error {
	h.Longest = max(h.Longest, s.count())
	return t.segments.Put(tx, segmentKey(recorder, h.Incarnation, first), s)
}

func (t *Tracker) segment(tx *projections.Tx, recorder events.Recorder, h *head, first uint64) (*segment, bool, error) {
	return t.segments.Get(tx, segmentKey(recorder, h.Incarnation, first))
}

func segmentKey(recorder events.Recorder, incarnation, first uint64) string {
	return fmt.Sprintf("%s#%d#%d", recorder, incarnation, first)
}

// overlap takes in a manifest some of whose numbers are not higher than any before:
// what it says again is compared, what it brings late is filled in.
func (t *Tracker) overlap(tx *projections.Tx, key string, h *head, m *events.Manifest, digest events.Digest, said *segment, s *Step) error {
	first, last := m.First, m.Last()
	arriving, arrives := h.within(m)
	next := first // the first number not yet accounted for
	fill := func(to uint64) error {
		if to < next {
			return nil
		}
		if !arrives {
			for _, origin := range h.fill(next, to) {
				s.Filled = append(s.Filled, Gap{From: origin, Missing: h.left(origin)})
			}
		}
		return t.keep(tx, m.Recorder, h, next, said.part(next-first, to-next+1))
	}
	start := first
	if h.Longest > 0 {
		start -= min(first-1, h.Longest-1)
	}
	for n := start; n <= min(last, h.Last); {
		earlier, found, err := t.segment(tx, m.Recorder, h, n)
		if err != nil {
			return err
		}
		if !found {
			n++
			continue
		}
		end := n + earlier.count() - 1
		if end < first {
			n = end + 1
			continue
		}
		if n > next {
			if err := fill(n - 1); err != nil {
				return err
			}
		}
		for i := max(n, first); i <= min(end, last); i++ {
			if bytes.Equal(earlier.digest(i-n), said.digest(i-first)) {
				s.Repeated++
				continue
			}
			s.Contradicted = append(s.Contradicted, Contradiction{Number: i, Earlier: earlier.ref(i - n), Later: said.ref(i - first)})
		}
		next = max(next, end+1)
		n = end + 1
	}
	if err := fill(last); err != nil {
		return err
	}
	if arrives {
		h.arrive(arriving, m, digest, s)
	}
	return nil
}
