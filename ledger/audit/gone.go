package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/mirror"
)

// gone is what is missing from bodies and needs a ground.
type gone struct {
	now                time.Time // of the last leaf: what has expired by then
	events, rejections events.Period
	unexplained        []missing // so far; an order to erase comes after what it erases
}

// missing is an event that is not there, or, if event is whole, a rejected message.
type missing struct {
	leaf  uint64
	event int
}

const whole = -1

// beginGone finds out what may have expired. A line that is gone doesn't say which
// family it was of, so the shortest retention of any has to do.
func (a *auditor) beginGone(ctx context.Context) error {
	last, err := a.source.Entries(ctx, a.checkpoint.Size-1)
	if err != nil {
		return fmt.Errorf("leaf %d can't be read: %w", a.checkpoint.Size-1, err)
	}
	leaf, err := formats.ParseLeaf(last[0])
	if err != nil {
		return fmt.Errorf("leaf %d: %w", a.checkpoint.Size-1, err)
	}
	retention := a.admit.Registry.Genesis.Retention
	a.gone.now = leaf.Received
	if a.gone.events, _, err = retention.Bounds(); err != nil {
		return fmt.Errorf("the genesis: retention: %w", err)
	}
	if a.gone.rejections, err = events.ParsePeriod(retention.Rejected); err != nil {
		return fmt.Errorf("the genesis: retention: %w", err)
	}
	return nil
}

// isGone takes note of what is missing from a body, and reports whether so much is that
// there is no verdict to recompute.
func (a *auditor) isGone(index uint64, leaf *formats.Leaf, c *admission.Candidate) bool {
	switch leaf.Verdict {
	case formats.Rejected:
		if len(c.Body) > 0 || leaf.Digest == events.DigestOf(nil) {
			return false
		}
		a.report.Partial++
		a.miss(index, leaf, whole, a.gone.rejections)
		return true
	case formats.Accepted:
		if c.Envelope == nil {
			return false
		}
		places := c.Envelope.Erased()
		if len(places) == 0 {
			return false
		}
		a.report.Partial++
		if !c.Envelope.Manifest.Recorder.IsOperator() {
			a.fail("leaf %d is the registry's or the ledger's own, and %d of its events are gone", index, len(places))
			return true
		}
		for _, place := range places {
			a.miss(index, leaf, place, a.gone.events)
		}
	}
	// The events of a duplicate lie with the leaf that it repeats.
	return false
}

func (a *auditor) miss(index uint64, leaf *formats.Leaf, event int, kept events.Period) {
	if kept.Over(leaf.Received, a.gone.now) {
		a.report.Expired++
		return
	}
	a.gone.unexplained = append(a.gone.unexplained, missing{index, event})
}

// checkGrounds holds what is missing to the orders in the registry.
func (a *auditor) checkGrounds() {
	if a.admit == nil {
		return // nothing was judged
	}
	ordered := map[missing]bool{}
	for _, e := range a.admit.Registry.Erasures() {
		m := missing{uint64(e.Leaf), whole}
		if !e.Whole() {
			m.event = int(*e.Event)
		}
		ordered[m] = true
	}
	for _, m := range a.gone.unexplained {
		switch {
		case ordered[m] || ordered[missing{m.leaf, whole}]:
			a.report.Erased++
		case a.blind:
			a.report.NotRecomputed[RegistryWithheld]++
		case len(a.report.Failures) >= MaxFailures:
			return
		case m.event == whole:
			a.fail("the body of leaf %d is gone, and no leaf orders it erased", m.leaf)
		default:
			a.fail("event %d of leaf %d is gone, and no leaf orders it erased", m.event, m.leaf)
		}
	}
}

// findOverdue finds what a copy still has though its erasure was ordered. A ledger's own
// directory is erased by its node.
func (a *auditor) findOverdue(ctx context.Context) {
	if _, copied := a.source.(*mirror.Copy); !copied || a.admit == nil {
		return
	}
	for _, e := range a.admit.Registry.Erasures() {
		leaf := uint64(e.Leaf)
		bodies, err := a.source.Bodies(ctx, leaf, 1)
		if err != nil || len(bodies[0]) == 0 || slices.Contains(a.report.Overdue, leaf) {
			continue
		}
		envelope, err := events.ParseEnvelope(bodies[0])
		gone := err == nil && len(envelope.Erased()) == len(envelope.Lines)
		if err == nil && !e.Whole() {
			gone = slices.Contains(envelope.Erased(), int(*e.Event))
		}
		if !gone {
			a.report.Overdue = append(a.report.Overdue, leaf)
		}
	}
}
