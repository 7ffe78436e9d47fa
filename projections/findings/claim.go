package findings

import (
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/projections/findings/sequence"
)

// claim is an attestation that is being held against what was received.
type claim struct {
	*events.PeriodAttested
	ref      events.Ref
	recorder events.Recorder
	from, to time.Time
	after    uint64 // highest number attested before
	own      uint64 // the attestation's own number, where it has one of this recorder's
}

// tally is what was received under the numbers that a claim is about.
type tally struct {
	surely, perhaps uint64        // events named by it that happened in the period, without and with its borders and attestations
	attests         uint64        // attestations named by it
	left            uint64        // events of the period that it doesn't name
	leftRefs        events.Refs   // the first of them
	manifest        events.Digest // that ended with the last number
}

// check returns what is wrong with a claim, and whether one of it is that numbers
// which it names are missing.
func (c *claim) check(b *findingsWriter) (wrong []string, missing bool, evidence events.Refs, err error) {
	first, last, count := uint64(c.First), uint64(c.Last), uint64(c.Count)
	if !c.from.Before(c.to) {
		wrong = append(wrong, "its period ends before it begins")
	}
	named := first > 0 && last >= first
	switch {
	case !named && (first > 0 || last > 0):
		wrong = append(wrong, fmt.Sprintf("it names numbers %d to %d", first, last))
	case !named && count > 0:
		wrong = append(wrong, fmt.Sprintf("it counts %s and names no numbers", many(count, "event")))
	}
	if named {
		n, err := b.tracker.Missing(b.tx, c.recorder, uint64(c.Incarnation), first, last)
		if err != nil {
			return nil, false, nil, err
		}
		if missing = n > 0; missing {
			wrong = append(wrong, fmt.Sprintf("of %s that it names %d had not come", numbers(first, last), n))
		}
	}
	t, complete, err := c.tally(b, named)
	if err != nil {
		return nil, false, nil, err
	}
	if all := last - first + 1; named && !t.agrees(count, all, complete && !missing) {
		wrong = append(wrong, fmt.Sprintf("it counts %s, and %s %s %d", many(count, "event"), numbers(first, last), be(all, "is", "are"), all))
	}
	if t.left > 0 {
		wrong = append(wrong, fmt.Sprintf("%s of that time, under other numbers, %s received before it", many(t.left, "more event"), be(t.left, "was", "were")))
		evidence = t.leftRefs
	}
	if d, err := events.ParseDigest(c.Manifest); err == nil && named && !t.manifest.IsZero() && d != t.manifest {
		wrong = append(wrong, fmt.Sprintf("it names %s as the last manifest, and %s is the one that ends with number %d", short(d), short(t.manifest), last))
	}
	return wrong, missing, evidence, nil
}

// tally looks at what came after the attestation before and before this one, and under
// the numbers that it names.
func (c *claim) tally(b *findingsWriter, named bool) (t tally, complete bool, err error) {
	from, to := c.after+1, c.own-1
	if named {
		from, to = min(from, uint64(c.First)), max(to, uint64(c.Last))
	}
	before, err := b.tracker.Before(b.tx, c.recorder, uint64(c.Incarnation))
	if err != nil {
		return t, false, err
	}
	complete, err = b.tracker.Between(b.tx, c.recorder, uint64(c.Incarnation), from, to, func(s sequence.Received) {
		if named && s.Number >= uint64(c.First) && s.Number <= uint64(c.Last) {
			switch {
			case s.Attests:
				t.attests++
				t.perhaps++
			case c.holds(s.Time, borderSlack):
				t.surely++
				t.perhaps++
			case c.holds(s.Time, -borderSlack):
				t.perhaps++
			}
			if s.Number == uint64(c.Last) && s.Ends {
				t.manifest = s.Manifest
			}
			return
		}
		if s.Number > c.after && !s.Attests && c.holds(s.Time, borderSlack) {
			t.left++
			if len(t.leftRefs) < firstEvidence {
				t.leftRefs = append(t.leftRefs, s.Ref)
			}
		}
	})
	// Of what was said in the tree before this one nothing can be looked at here.
	return t, complete && (!named || uint64(c.First) > before), err
}

// agrees reports whether a count is that of the numbers named, with or without
// attestations; or, where all could be looked at, of those that happened in the period.
func (t *tally) agrees(count, named uint64, looked bool) bool {
	switch {
	case count == named, count+t.attests == named:
		return true
	case count > named:
		return false
	}
	return !looked || t.surely <= count && count <= t.perhaps
}

// holds reports whether a moment is in the period, by slack away from its borders.
func (c *claim) holds(at time.Time, slack time.Duration) bool {
	return !at.Before(c.from.Add(slack)) && at.Before(c.to.Add(-slack))
}
