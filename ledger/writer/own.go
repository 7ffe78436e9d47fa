package writer

import (
	"context"
	"errors"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger"
)

// AppendClock adds the ledger's own word for the time as a leaf, so that views,
// which have no clock but the leaves, learn that it passes where nobody speaks.
// An error wraps [ledger.ErrFatal].
func (l *Ledger) AppendClock(ctx context.Context) error {
	return l.say(ctx, vocabulary.Clock.Of(events.Clock{At: events.At(l.config.Now())}))
}

// RecordAnchor adds, as a leaf, that a checkpoint of this tree stands in a Rekor.
// The caller has verified it. An error wraps [ledger.ErrFatal], except where the anchor is
// none that the schema has.
func (l *Ledger) RecordAnchor(ctx context.Context, anchor events.AnchorRecorded) error {
	return l.say(ctx, vocabulary.AnchorRecorded.Of(anchor))
}

// RecordCosigned adds, as a leaf, that a quorum of witnesses has cosigned a checkpoint
// of this tree. The caller has verified it. Errors are as of [Ledger.RecordAnchor].
func (l *Ledger) RecordCosigned(ctx context.Context, cosigned events.CheckpointCosigned) error {
	return l.say(ctx, vocabulary.CheckpointCosigned.Of(cosigned))
}

// RecordTimestamp adds, as a leaf, that a timestamp authority has signed a time for a
// checkpoint of this tree. The caller has verified it. Errors are as of
// [Ledger.RecordAnchor].
func (l *Ledger) RecordTimestamp(ctx context.Context, timestamp events.TimestampRecorded) error {
	return l.say(ctx, vocabulary.TimestampRecorded.Of(timestamp))
}

// say adds one event of the ledger's own after the leaves that there are.
func (l *Ledger) say(ctx context.Context, said vocabulary.Said) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.failed != nil {
		return l.failed
	}
	err := l.appendOwn(context.WithoutCancel(ctx), l.at, said)
	switch {
	case errors.Is(err, errNotSaid):
		return err
	case err != nil:
		l.failed = fmt.Errorf("append %s: %w: %w", said.Type(), err, ledger.ErrFatal)
		return l.failed
	}
	l.tellGrown()
	return nil
}

// tellGrown has the new checkpoint announced.
func (l *Ledger) tellGrown() {
	select {
	case l.grown <- struct{}{}:
	default:
	}
}

// errNotSaid is wrapped by errors that left the ledger as it was.
var errNotSaid = errors.New("nothing was added")

// appendOwn adds one event of the ledger's own, straight to the tree.
func (l *Ledger) appendOwn(ctx context.Context, at position, said vocabulary.Said) error {
	now := l.config.Now()
	head, _ := l.admit.Head(events.LedgerRecorder)
	first := head.Last + 1
	event, err := said.Event(events.LedgerRecorder, vocabulary.Attributes{ID: fmt.Sprintf("ledger-%d", first), Time: now, Random: l.config.Random})
	if err != nil {
		return fmt.Errorf("the ledger's own %s: %w: %w", said.Type(), err, errNotSaid)
	}
	line, err := event.Marshal()
	if err != nil {
		return err
	}
	manifest := &events.Manifest{Recorder: events.LedgerRecorder, Incarnation: 1, First: first, Previous: head.Manifest}
	envelope, err := events.Seal(manifest, [][]byte{line}, l.config.EventKey)
	if err != nil {
		return err
	}
	message := Received{Subject: events.LedgerRecorder.Subject(), Body: envelope.Marshal(), Seq: at.seq, Time: now}
	chunk := l.Prepare([]Received{message})
	if err := chunk.candidates[0].Failed(); err != nil {
		return fmt.Errorf("the ledger's own %s: %w: %w", said.Type(), err, errNotSaid)
	}
	l.at = at
	if _, err := l.admitChunk(ctx, chunk); err != nil {
		return err
	}
	if head, _ := l.admit.Head(events.LedgerRecorder); head.Last != first {
		return fmt.Errorf("the ledger's own %s was rejected as leaf %d: is its event key the genesis's?", said.Type(), l.tree.size-1)
	}
	return nil
}
