package sequence

import (
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections"
)

// Received is an event as a [Tracker] remembers it.
type Received struct {
	Number uint64
	Ref    events.Ref
	Time   time.Time // to the second, rounded down
	// Manifest said it, and Ends with it if that is true.
	Manifest events.Digest
	Ends     bool
	Attests  bool // it is an attestation
}

// Between calls visit for each number from first to last that was received, in their
// order. It reports whether it came to the end: it gives up after visiting 200,000
// envelopes, and where more is missing than is followed gap by gap. What was said in the
// tree before this one is passed over, see [Tracker.Before]. The Trail must have been made
// with detail.
func (t *Tracker) Between(tx *projections.Tx, recorder events.Recorder, incarnation, first, last uint64, visit func(Received)) (bool, error) {
	h, err := t.look(tx, recorder, incarnation)
	if err != nil {
		return false, err
	}
	first, last = max(first, h.Before+1), min(last, h.Last)
	n := first - min(first-1, max(h.Longest, 1)-1)
	for walked := 0; n <= last; {
		s, found, err := t.segment(tx, recorder, h, n)
		if err != nil {
			return false, err
		}
		if !found {
			switch gap, missing := h.gapAt(n); {
			case missing:
				n = gap.To + 1
			case n < first:
				n++
			default:
				return false, nil
			}
			continue
		}
		if walked++; walked > maxWalk {
			return false, nil
		}
		for i := range s.count() {
			if number := n + i; number >= first && number <= last {
				visit(Received{Number: number, Ref: s.ref(i), Time: s.time(i), Manifest: s.Manifest, Ends: s.Ends && i+1 == s.count(), Attests: slices.Contains(s.Attests, i)})
			}
		}
		n += s.count()
	}
	return true, nil
}

// Before returns up to which number an incarnation was said in the tree before this one;
// 0 if none of it was.
func (t *Tracker) Before(tx *projections.Tx, recorder events.Recorder, incarnation uint64) (uint64, error) {
	h, err := t.look(tx, recorder, incarnation)
	if err != nil {
		return 0, err
	}
	return h.Before, nil
}

// Missing returns how many numbers from first to last have not been received.
func (t *Tracker) Missing(tx *projections.Tx, recorder events.Recorder, incarnation, first, last uint64) (uint64, error) {
	h, err := t.look(tx, recorder, incarnation)
	if err != nil || first > last {
		return 0, err
	}
	var n uint64
	if last > h.Last {
		n = last - max(h.Last, first-1)
	}
	for _, g := range h.Gaps {
		if g.From <= last && g.To >= first {
			n += min(g.To, last) - max(g.From, first) + 1
		}
	}
	return n, nil
}

// look returns the head of an incarnation; an empty one if nothing of it came.
func (t *Tracker) look(tx *projections.Tx, recorder events.Recorder, incarnation uint64) (*head, error) {
	h, known, err := t.heads.Get(tx, recorder.String())
	if err == nil && known && h.Incarnation != incarnation {
		h, known, err = t.heads.Get(tx, incarnationKey(recorder.String(), incarnation))
	}
	if err == nil && !known {
		h = &head{Incarnation: incarnation}
	}
	return h, err
}

func (h *head) gapAt(n uint64) (gap, bool) {
	for _, g := range h.Gaps {
		if g.From <= n && n <= g.To {
			return g, true
		}
	}
	return gap{}, false
}
