package writer

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Erasures returns all orders to erase and what became of each.
func (l *Ledger) Erasures(ctx context.Context) ([]archive.Erasure, error) {
	var orders []admission.Erasure
	var holds []admission.Hold
	l.Registry(func(r *admission.Registry) { orders, holds = r.Erasures(), r.Holds() })
	return archive.JudgeErasures(orders, holds, func(index uint64) (*formats.Leaf, []byte, error) {
		leaf, err := l.leaf(ctx, index)
		if err != nil {
			return nil, nil, err
		}
		body, err := l.bodies.Read(index)
		return leaf, body, err
	})
}

// Erase carries out the orders that nothing holds up, in the ledger and in the stream
// that its messages came from, and returns those. stream is opened by a user who may
// read and delete single messages; nil leaves it alone. It may be called at any time,
// by one goroutine, and again after an error.
func (l *Ledger) Erase(ctx context.Context, stream jetstream.Stream) ([]archive.Erasure, error) {
	all, err := l.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	var done []archive.Erasure
	for _, e := range all {
		if e.Done || e.Hold != "" || e.Problem != "" {
			continue
		}
		if err := l.erase(ctx, &e, stream); err != nil {
			return done, fmt.Errorf("erase what leaf %d orders: %w", e.Ordered, err)
		}
		e.Done = true
		l.log.Info("erased", "what", e.String(), "ordered", e.Ordered)
		done = append(done, e)
	}
	return done, nil
}

// erase takes the messages out of the stream first: what the ledger has done it looks
// for no more.
func (l *Ledger) erase(ctx context.Context, e *archive.Erasure, stream jetstream.Stream) error {
	if stream != nil {
		if err := l.eraseMessages(ctx, uint64(e.Leaf), stream); err != nil {
			return err
		}
	}
	body, err := l.bodies.Read(uint64(e.Leaf))
	if err != nil {
		return err
	}
	remains := []byte{}
	leaf, err := l.leaf(ctx, uint64(e.Leaf))
	if err != nil {
		return err
	}
	if leaf.Verdict == formats.Rejected {
		if err := l.state.forgetReason(ctx, leaf); err != nil {
			return err
		}
	}
	if envelope, err := events.ParseEnvelope(body); err == nil {
		if leaf.Verdict != formats.Rejected {
			var places []int
			if !e.Whole() {
				places = append(places, int(*e.Event))
			}
			rest, err := envelope.Without(places...)
			if err != nil {
				return err
			}
			remains = rest.Marshal()
		}
	}
	return l.bodies.Erase(uint64(e.Leaf), remains)
}

// eraseMessages deletes from the stream the message that a leaf was made of, and those
// of its duplicates, overwriting them where they lie.
func (l *Ledger) eraseMessages(ctx context.Context, index uint64, stream jetstream.Stream) error {
	first, err := l.leaf(ctx, index)
	if err != nil {
		return err
	}
	if err := l.eraseMessage(ctx, first, stream); err != nil {
		return err
	}
	if first.Verdict == formats.Rejected {
		return nil
	}
	for from, size := index+1, l.Size(); from < size; {
		leaves, err := archive.ReadEntries(ctx, l.tree.reader, from, size)
		if err != nil {
			return err
		}
		for i, raw := range leaves {
			leaf, err := formats.ParseLeaf(raw)
			if err != nil {
				return fmt.Errorf("leaf %d: %w", from+uint64(i), err)
			}
			if leaf.Verdict == formats.Duplicate && leaf.Of == index {
				if err := l.eraseMessage(ctx, leaf, stream); err != nil {
					return err
				}
			}
		}
		from += uint64(len(leaves))
	}
	return nil
}

// eraseMessage deletes the message that a leaf was made of, if the stream still has
// it: under its number there may be another by now.
func (l *Ledger) eraseMessage(ctx context.Context, leaf *formats.Leaf, stream jetstream.Stream) error {
	m, err := stream.GetMsg(ctx, leaf.Seq)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read message %d of the stream: %w", leaf.Seq, err)
	case !madeOf(leaf, m):
		return nil
	}
	if err := stream.SecureDeleteMsg(ctx, leaf.Seq); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("delete message %d of the stream: %w", leaf.Seq, err)
	}
	return nil
}

// wasErased reports whether something of a leaf's body is gone.
func (l *Ledger) wasErased(index uint64) bool {
	erased, err := l.bodies.Erased(index)
	return err == nil && erased
}
