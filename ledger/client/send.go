package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// send publishes the next window, and reports whether there was one. What is not
// acknowledged is left to be sent again.
//
// The window is drained before the next begins, and each recorder's first
// message goes ahead alone if the broker can check that it follows that
// recorder's last. If it doesn't, another outbox writes, and nothing of the
// recorder's window is sent. That check is made only when the last message's
// sequence is certain, because the broker makes it before it recognises a
// repeated message: after an acknowledgement was lost it would call our own
// message another's. For the same reason an acknowledgement that says
// "duplicate" makes nothing certain: the message may have successors.
func (f *flush) send(ctx context.Context, s *session) (bool, error) {
	window := f.window()
	if len(window) == 0 {
		return false, nil
	}
	bodies, err := f.outbox.bodies(ctx, window)
	if err != nil {
		return false, err
	}
	now := time.Now()
	var ahead, rest []*item
	messages := map[*item]*nats.Msg{}
	led := map[*recorderQueue]bool{}
	for i, it := range window {
		m := &nats.Msg{Subject: it.lane.recorder.Subject(), Data: bodies[i], Header: nats.Header{}}
		if !it.bare {
			m.Header.Set(jetstream.MsgIDHeader, hex.EncodeToString(it.whole[:]))
		}
		messages[it] = m
		if seq := it.lane.expect(now); seq > 0 && !led[it.lane] {
			m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(seq, 10))
			ahead = append(ahead, it)
		} else {
			rest = append(rest, it)
		}
		led[it.lane] = true
	}
	failed, err := f.sendAll(ctx, s, ahead, messages)
	if err != nil {
		return true, err
	}
	rest = slices.DeleteFunc(rest, func(it *item) bool { return failed[it.lane] })
	if len(rest) > 0 {
		more, err := f.sendAll(ctx, s, rest, messages)
		if err != nil {
			return true, err
		}
		for l := range more {
			failed[l] = true
		}
	}
	f.report()
	if len(failed) == 0 {
		f.backoff = 0
		return true, nil
	}
	return true, f.holdOff(ctx)
}

// errTooManyRequests is a broker's error code for a message that it dropped because
// too many wait to be stored.
const errTooManyRequests = 10167

// window picks what to send next: of each lane a stretch without gaps, queues
// taking turns in the order in which they were added to.
func (f *flush) window() []*item {
	now := time.Now()
	var window []*item
	for _, l := range f.queues {
		ready := l.sendable(now)
		if !l.checked && !f.compared {
			continue // it could repeat numbers that the ledger has
		}
		n := 0
		for _, it := range ready {
			if it.sent || it.placed {
				continue
			}
			if n == f.client.config.Window {
				break
			}
			window = append(window, it)
			n++
		}
	}
	slices.SortFunc(window, func(a, b *item) int { return int(a.id - b.id) })
	n, ahead := f.ahead()
	bytes := 0
	for i, it := range window {
		if i == f.client.config.Window || i > 0 && bytes+it.size > maxInFlight ||
			n+i >= maxAhead || n+i > 0 && ahead+bytes+it.size > maxAheadBytes {
			return window[:i]
		}
		bytes += it.size
	}
	return window
}

// ahead counts what was sent and has no receipt yet, and its bytes.
func (f *flush) ahead() (n, bytes int) {
	for _, l := range f.queues {
		for _, it := range l.items {
			if (it.sent || it.placed) && !it.done {
				n++
				bytes += it.size
			}
		}
	}
	return n, bytes
}

// sendAll publishes items in order and returns the queues of which not all was
// acknowledged.
func (f *flush) sendAll(ctx context.Context, s *session, items []*item, messages map[*item]*nats.Msg) (map[*recorderQueue]bool, error) {
	batch := make([]*nats.Msg, len(items))
	for i, it := range items {
		batch[i] = messages[it]
	}
	failed := map[*recorderQueue]bool{}
	var fatal error
	for i, out := range s.publish(ctx, batch) {
		it := items[i]
		l := it.lane
		if out.err != nil {
			if err := f.failed(ctx, it, messages[it], out.err); err != nil && fatal == nil {
				fatal = err
			}
			failed[l], l.lastSeq = true, 0
			continue
		}
		it.sent = true
		f.moved = time.Now()
		it.at = position{epoch: f.ledger.epoch, seq: out.ack.Sequence, guessed: f.ledger.epoch == 0}
		f.result.Published++
		f.offline = nil
		switch {
		case out.ack.Duplicate:
			f.result.Duplicates++
			l.lastSeq = 0
		case !failed[l]:
			l.lastSeq, l.lastAt = out.ack.Sequence, time.Now()
		}
	}
	return failed, fatal
}

// failed says what an error in place of an acknowledgement means: nil if sending
// again is the answer.
func (f *flush) failed(ctx context.Context, it *item, m *nats.Msg, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f.offline = fmt.Errorf("publish on %s: %w", m.Subject, err)
	var api *jetstream.APIError
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return hint("the broker's max_payload must leave room for envelopes of 256 KiB and their headers",
			"envelope of %s from sequence number %d, %d bytes: %w", it.lane.recorder, it.first, it.size, err)
	case errors.Is(err, nats.ErrPermissionViolation):
		return hint("the recorder must be of this party, and the account must have been issued by the authority",
			"publish on %s: %w", m.Subject, err)
	case !errors.As(err, &api):
		return nil
	}
	switch expected := m.Header.Get(jetstream.ExpectedLastSubjSeqHeader); {
	case api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant:
		// "wrong last sequence: N" with an N below ours is a stream that lost its
		// end, not another writer.
		if _, n, ok := strings.Cut(api.Description, ": "); ok {
			have, err1 := strconv.ParseUint(n, 10, 64)
			want, err2 := strconv.ParseUint(expected, 10, 64)
			if err1 == nil && err2 == nil && have < want {
				return nil
			}
		}
		it.lane.conflict = true
		it.lane.stale = &StaleError{Recorder: it.lane.recorder, Reason: fmt.Sprintf(
			"another outbox publishes for this recorder: the stream has a message after number %s, the last of ours (%v)", expected, err)}
		return nil
	case api.ErrorCode == errTooManyRequests:
		return nil // it is flooded, and says so of whatever it gets
	case api.Code >= 400 && api.Code < 500:
		return fmt.Errorf("envelope of %s from sequence number %d: the broker refuses it: %w", it.lane.recorder, it.first, err)
	}
	return nil
}
