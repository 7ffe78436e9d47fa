package sequence

import (
	"slices"

	"github.com/saksi-ledger/saksi/events"
)

// open notes a gap.
func (h *head) open(g gap, s *Step) {
	n := g.To - g.From + 1
	if len(h.Gaps) >= MaxGaps {
		h.Lost += n
		return
	}
	h.Gaps = append(h.Gaps, g)
	s.Opened = &Gap{From: g.From, To: g.To, Missing: n}
}

// fill takes the numbers from first to last out of the gaps, and returns the origins
// of those that had any of them.
func (h *head) fill(first, last uint64) (origins []uint64) {
	var rest []gap
	var found uint64
	for _, g := range h.Gaps {
		if last < g.From || first > g.To {
			rest = append(rest, g)
			continue
		}
		if !slices.Contains(origins, g.Origin) {
			origins = append(origins, g.Origin)
		}
		found += min(last, g.To) - max(first, g.From) + 1
		if g.From < first {
			left := g
			left.To, left.After = first-1, events.Digest{}
			rest = append(rest, left)
		}
		if last < g.To {
			right := g
			right.From, right.Before = last+1, events.Digest{}
			rest = append(rest, right)
		}
	}
	if top := min(last, h.Last); first <= top {
		h.Lost -= min(h.Lost, top-first+1-found)
	}
	for len(rest) > MaxGaps { // what was one gap can become many
		g := rest[len(rest)-1]
		h.Lost += g.To - g.From + 1
		rest = rest[:len(rest)-1]
	}
	h.Gaps = rest
	return origins
}

// within returns the gap that a manifest fits into.
func (h *head) within(m *events.Manifest) (gap, bool) {
	for _, g := range h.Gaps {
		if g.From <= m.First && m.Last() <= g.To {
			return g, true
		}
	}
	return gap{}, false
}

// left returns how many numbers of the gap that began at origin are missing.
func (h *head) left(origin uint64) (n uint64) {
	for _, g := range h.Gaps {
		if g.Origin == origin {
			n += g.To - g.From + 1
		}
	}
	return n
}

// arrive has a manifest that fits into a gap fill it, and compares its ends with
// the manifests on either side.
func (h *head) arrive(g gap, m *events.Manifest, digest events.Digest, s *Step) {
	if m.First == g.From && !g.Before.IsZero() && m.Previous != g.Before {
		s.Breaks = append(s.Breaks, Break{Number: m.First, Ref: s.Ref, Named: m.Previous, Wanted: g.Before})
	}
	if m.Last() == g.To && !g.After.IsZero() && digest != g.After {
		s.Breaks = append(s.Breaks, Break{Number: g.To + 1, Ref: g.Next, Named: g.After, Wanted: digest, Before: &s.Ref})
	}
	h.fill(m.First, m.Last())
	for i := range h.Gaps {
		left := &h.Gaps[i]
		if left.Origin != g.Origin {
			continue
		}
		if left.To == m.First-1 {
			left.After, left.Next = m.Previous, s.Ref
		}
		if left.From == m.Last()+1 {
			left.Before = digest
		}
	}
	s.Filled = append(s.Filled, Gap{From: g.Origin, Missing: h.left(g.Origin)})
}
