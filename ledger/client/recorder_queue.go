package client

import (
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// progress is how far one envelope has come in this flush.
type progress struct {
	// old envelopes may have been sent by a flush before this one.
	old bool
	// asked is set when the ledger has been asked about an old one.
	asked bool
	sent  bool // and acknowledged, at position at
	at    position
	// bare envelopes go without a message id: the ledger has said that it never
	// saw what the broker acknowledged, or refused it, and the broker's window
	// would swallow it again.
	bare bool
	// leaf is where the ledger says it is, once placed.
	placed bool
	leaf   uint64
	code   string // if it is said to be rejected
	reason string
	// doubted are leaves that the ledger named and that turned out to be
	// something else.
	doubted []uint64
	done    bool
}

// position is a place in the stream.
type position struct {
	epoch, seq uint64
	// guessed epochs are those of envelopes acknowledged before the ledger first
	// said in which it is.
	guessed bool
}

// reached reports whether a ledger that stands at l has dealt with p.
func (l position) reached(p position) bool {
	return l.epoch > p.epoch || l.epoch == p.epoch && l.seq >= p.seq
}

// recorderQueue is one recorder's way to the stream, in which order holds.
type recorderQueue struct {
	recorder    events.Recorder
	id          int64
	incarnation uint64
	// checked is set once the ledger's head agreed with the outbox, ever.
	checked bool
	// stale is why nothing is sent. conflict says that the broker noticed, which
	// the ledger's head doesn't excuse before the next flush; skipped, that there
	// are pending envelopes which aren't among items for it.
	stale    *StaleError
	conflict bool
	skipped  bool
	items    []*item // not done, in order

	// lastSeq is the stream sequence of this recorder's last message, when it is
	// certain that it was the last at lastAt; 0 when it isn't.
	lastSeq uint64
	lastAt  time.Time

	// retryAt is when lost messages may be sent again, and wait how long the next
	// time.
	retryAt time.Time
	wait    time.Duration
}

const (
	lostWaitMin = 100 * time.Millisecond
	lostWaitMax = 30 * time.Second
	// lastSeqLife bounds how long the last sequence is relied on: a message that
	// has aged out of the stream would look like another writer.
	lastSeqLife = time.Minute
)

// expect returns the sequence that the lane's next message can ask the broker to
// check, 0 for none.
func (l *recorderQueue) expect(now time.Time) uint64 {
	if now.Sub(l.lastAt) > lastSeqLife {
		return 0
	}
	return l.lastSeq
}

// sendable returns the items to be sent next: those after which nothing of the
// lane that was sent waits to be sent again.
func (l *recorderQueue) sendable(now time.Time) []*item {
	if l.stale != nil || now.Before(l.retryAt) {
		return nil
	}
	for i, it := range l.items {
		if !it.sent && !it.placed {
			return l.items[i:]
		}
	}
	return nil
}

// open returns the items whose place is not known.
func (l *recorderQueue) open() []*item {
	var open []*item
	for _, it := range l.items {
		if !it.placed {
			open = append(open, it)
		}
	}
	return open
}

// lost makes everything from first on, as far as it has no place, be sent again:
// not at once, should it be lost again.
func (l *recorderQueue) lost(first uint64, now time.Time) (n int) {
	for _, it := range l.items {
		if it.first >= first && !it.placed && it.sent {
			it.sent, it.bare = false, true
			n++
		}
	}
	l.lastSeq = 0
	l.wait = min(max(2*l.wait, lostWaitMin), lostWaitMax)
	l.retryAt = now.Add(l.wait)
	return n
}

// sweep lets go of what is done.
func (l *recorderQueue) sweep() {
	n := len(l.items)
	l.items = slices.DeleteFunc(l.items, func(it *item) bool { return it.done })
	if len(l.items) < n {
		l.wait = 0
	}
}
