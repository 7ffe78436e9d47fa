package writer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// expireLeaves is how many leaves one [Ledger.Expire] looks at.
const expireLeaves = 20_000

// Expired is what [Ledger.Expire] did.
type Expired struct {
	Events     int // that were erased
	Rejections int // whole messages
	More       bool
}

// Expire erases what the genesis has kept for long enough, by the time of the ledger's
// last leaf, and that no hold covers: events of operators by their family, and rejected
// messages. It looks at a bounded number of leaves, and goes on there when it is called
// again; More says that it may find more at once. What a hold has kept is looked at
// again when the holds have changed. It may be called by the goroutine that calls
// [Ledger.Erase].
func (l *Ledger) Expire(ctx context.Context) (Expired, error) {
	var done Expired
	var genesis events.Genesis
	var holds []admission.Hold
	l.Registry(func(r *admission.Registry) { genesis, holds = r.Genesis, r.Holds() })
	size := l.Size()
	last, err := l.leaf(ctx, size-1)
	if err != nil {
		return done, fmt.Errorf("look for what has expired: %w", err)
	}
	periods, err := genesis.Retention.Periods()
	if err != nil {
		return done, fmt.Errorf("look for what has expired: retention: %w", err)
	}
	x := &expiry{l: l, retention: genesis.Retention, holds: holds, now: last.Received, done: &done}
	if held := holdsOf(holds); l.expired.upTo == nil || held != l.expired.holds {
		l.expired = expired{upTo: map[events.Period]uint64{}, holds: held}
	}
	left := expireLeaves
	for _, period := range periods {
		if err := x.pass(ctx, period, size, &left); err != nil {
			return done, fmt.Errorf("erase what has expired: %w", err)
		}
	}
	done.More = left == 0
	return done, nil
}

// expired is how far Expire has come with each period. It begins anew with each start
// of the node.
type expired struct {
	upTo  map[events.Period]uint64
	holds string
}

func holdsOf(holds []admission.Hold) string {
	names := make([]string, len(holds))
	for i, h := range holds {
		names[i] = fmt.Sprintf("%s/%s/%d", h.By, h.Hold, h.Leaf)
	}
	return fmt.Sprint(names)
}

type expiry struct {
	l         *Ledger
	retention events.Retention
	holds     []admission.Hold
	now       time.Time
	done      *Expired
}

// pass looks at the leaves for which a period has come to its end since it last did.
// Those that are kept for longer are looked at again in the pass of their own period.
func (x *expiry) pass(ctx context.Context, period events.Period, size uint64, left *int) error {
	for at := x.l.expired.upTo[period]; at < size && *left > 0; {
		raw, err := archive.ReadEntries(ctx, x.l.tree.reader, at, size)
		if err != nil {
			return err
		}
		for _, entry := range raw {
			leaf, err := formats.ParseLeaf(entry)
			if err != nil {
				return fmt.Errorf("leaf %d: %w", at, err)
			}
			if *left == 0 || !period.Over(leaf.Received, x.now) {
				return nil
			}
			if err := x.look(ctx, at, leaf); err != nil {
				return fmt.Errorf("leaf %d: %w", at, err)
			}
			at++
			*left--
			x.l.expired.upTo[period] = at
		}
	}
	return nil
}

// look erases of one leaf what has expired.
func (x *expiry) look(ctx context.Context, index uint64, leaf *formats.Leaf) error {
	recorder, err := events.ParseSubject(leaf.Subject)
	if leaf.Verdict == formats.Duplicate || err == nil && !recorder.IsOperator() && leaf.Verdict == formats.Accepted {
		return nil
	}
	said := admission.HoldTarget{Operator: recorder.Owner, Facility: recorder.Facility, Received: leaf.Received}
	body, err := x.l.bodies.Read(index)
	if err != nil {
		return err
	}
	if leaf.Verdict == formats.Rejected {
		kept, err := events.ParsePeriod(x.retention.Rejected)
		if err != nil || len(body) == 0 || !kept.Over(leaf.Received, x.now) {
			return err
		}
		if x.held(said) || slices.ContainsFunc(archive.ActorsOf(body, said), x.held) {
			return nil
		}
		if err := x.l.state.forgetReason(ctx, leaf); err != nil {
			return err
		}
		x.done.Rejections++
		return x.l.bodies.Erase(index, []byte{})
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return err
	}
	var over []int
	for i, line := range envelope.Lines {
		if len(line) == 0 {
			continue
		}
		event, err := events.ParseEvent(line)
		if err != nil {
			return err
		}
		kept, err := x.retention.Of(event.Type)
		if err != nil {
			return err
		}
		one := said
		one.Actors = event.Pseudonyms()
		if kept.Over(leaf.Received, x.now) && !x.held(one) {
			over = append(over, i)
		}
	}
	if len(over) == 0 {
		return nil
	}
	rest, err := envelope.Without(over...)
	if err != nil {
		return err
	}
	x.done.Events += len(over)
	return x.l.bodies.Erase(index, rest.Marshal())
}

func (x *expiry) held(s admission.HoldTarget) bool {
	return slices.ContainsFunc(x.holds, func(h admission.Hold) bool { return h.Covers(s) })
}
