package writer

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// findPlace returns the stream sequence at which to go on: after the last leaf's,
// if the stream still has that leaf's message. Otherwise messages were lost or
// replaced, and an epoch is opened that goes on after the last message which
// still is the one that a leaf was made of. Whatever was lost has no receipt, or
// has its leaf; outboxes send again what has neither.
func (l *Ledger) findPlace(ctx context.Context, js jetstream.JetStream, stream string) (uint64, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.failed != nil {
		return 0, l.failed
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("look at stream %s: %w", stream, err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("look at stream %s: %w", stream, err)
	}
	if l.at.seq == 0 {
		return 1, nil
	}
	same, err := l.sameMessage(ctx, s, l.at.seq)
	if err != nil {
		return 0, err
	}
	if same == messageSame {
		return l.at.seq + 1, nil
	}
	resume, err := l.resumeAfter(ctx, s, info.State)
	if err != nil {
		return 0, err
	}
	opened := events.EpochOpened{
		Epoch: events.Integer(l.at.epoch + 1), PreviousEpoch: events.Integer(l.at.epoch),
		LastSeq: events.Integer(l.at.seq), ResumeSeq: events.Integer(resume), Reason: events.EpochMissing,
	}
	if same == messageDifferent {
		opened.Reason = events.EpochDifferent
	}
	l.log.Warn("the stream is not what was read from it: opening an epoch",
		"epoch", opened.Epoch, "reason", opened.Reason, "last", l.at.seq, "resume", resume, "stream", stream,
		"streamFirst", info.State.FirstSeq, "streamLast", info.State.LastSeq)
	at := position{epoch: l.at.epoch + 1, seq: resume - 1}
	if err := l.appendOwn(ctx, at, vocabulary.EpochOpened.Of(opened)); err != nil {
		l.failed = fmt.Errorf("open epoch %d: %w: %w", at.epoch, err, ledger.ErrFatal)
		return 0, l.failed
	}
	l.tellGrown()
	return resume, nil
}

// resumeAfter looks for the last message of the stream that a leaf was made of,
// and returns the sequence after it. Up to there the stream is what it was, so it
// can be searched by halves.
func (l *Ledger) resumeAfter(ctx context.Context, s jetstream.Stream, state jetstream.StreamState) (uint64, error) {
	first := max(state.FirstSeq, 1)
	last := min(state.LastSeq, l.at.seq)
	if last < first {
		return first, nil
	}
	var failure error
	lost := sort.Search(int(last-first+1), func(i int) bool {
		same, err := l.sameMessage(ctx, s, first+uint64(i))
		if err != nil {
			failure = err
		}
		return same != messageSame
	})
	if failure != nil {
		return 0, failure
	}
	return first + uint64(lost), nil
}

type comparison int

const (
	messageSame comparison = iota
	messageMissing
	messageDifferent
)

// sameMessage compares the stream's message at seq with the leaf made of it.
func (l *Ledger) sameMessage(ctx context.Context, s jetstream.Stream, seq uint64) (comparison, error) {
	index, leaf, err := l.leafOf(ctx, seq)
	if err != nil {
		return 0, err
	}
	m, err := s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		if leaf != nil && seq <= s.CachedInfo().State.LastSeq && l.wasErased(index) {
			return messageSame, nil // it was taken out of the middle
		}
		return messageMissing, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read message %d of the stream: %w", seq, err)
	}
	if leaf == nil || !madeOf(leaf, m) {
		return messageDifferent, nil
	}
	return messageSame, nil
}

// madeOf reports whether a leaf was made of a message.
func madeOf(leaf *formats.Leaf, m *jetstream.RawStreamMsg) bool {
	if leaf.Subject != m.Subject || !leaf.Received.Equal(m.Time) {
		return false
	}
	if leaf.Verdict == formats.Rejected {
		return events.DigestOf(m.Data) == leaf.Digest
	}
	envelope, err := events.ParseEnvelope(m.Data)
	return err == nil && events.DigestOf(envelope.Line1()) == leaf.Digest
}

// leafOf returns the leaf made of the message at seq in the stream as it was last
// known, and its index: in the newest epoch that had begun by then. It returns nil if
// there is none.
func (l *Ledger) leafOf(ctx context.Context, seq uint64) (uint64, *formats.Leaf, error) {
	end := l.tree.size
	for i := len(l.epochs) - 1; i >= 0; i-- {
		e := l.epochs[i]
		if seq < e.resume {
			end = e.leaf
			continue
		}
		var failure error
		start := e.leaf + 1
		found := start + uint64(sort.Search(int(end-start), func(i int) bool {
			leaf, err := l.leaf(ctx, start+uint64(i))
			if err != nil {
				failure = err
				return true
			}
			return leaf.Seq >= seq
		}))
		if failure != nil || found >= end {
			return 0, nil, failure
		}
		leaf, err := l.leaf(ctx, found)
		if err != nil || leaf.Seq != seq || leaf.Subject == events.LedgerRecorder.Subject() {
			return 0, nil, err
		}
		return found, leaf, nil
	}
	return 0, nil, nil
}
