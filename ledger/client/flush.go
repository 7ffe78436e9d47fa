package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/retry"
)

// FlushOptions are how a flush goes about it. The zero FlushOptions are the
// defaults.
type FlushOptions struct {
	// Progress, if set, is called after each step, from the goroutine of the
	// flush.
	Progress func(Progress)
	// Resend makes every rejected envelope pending again first, see
	// [Outbox.Requeue].
	Resend bool
}

// Progress is how far a flush has come.
type Progress struct {
	// Pending counts the envelopes that wait for a receipt, of those the flush
	// has looked at so far; Sent those of them that the broker acknowledged.
	Pending int `json:"pending"`
	Sent    int `json:"sent"`
	Result
	// Offline is why nothing moves, if the broker or the ledger can't be reached.
	Offline error `json:"-"`
}

// Result is what a flush has done.
type Result struct {
	// Envelopes and Events have got their receipts.
	Envelopes int `json:"envelopes"`
	Events    int `json:"events"`
	// FirstLeaf and LastLeaf are the lowest and highest leaf among those
	// receipts, if there are any.
	FirstLeaf uint64 `json:"firstLeaf"`
	LastLeaf  uint64 `json:"lastLeaf"`
	// Rejected envelopes have a receipt too, of another kind.
	Rejected int `json:"rejected"`
	// Published counts messages sent and acknowledged, again and again included;
	// Duplicates those of them that the broker recognised; Lost those that were
	// acknowledged and never reached the ledger.
	Published  int           `json:"published"`
	Duplicates int           `json:"duplicates"`
	Lost       int           `json:"lost"`
	Elapsed    time.Duration `json:"elapsed"` // nanoseconds in JSON
}

const (
	// maxAhead and maxAheadBytes bound what was sent and has no receipt yet, whatever
	// waits to be sent: after a week without a network too. A ledger holds back whoever
	// has several times as much in its stream, since everybody else's stands behind it.
	maxAhead      = 4096
	maxAheadBytes = 32 << 20
	// maxTracked bounds the envelopes that a flush looks at at a time.
	maxTracked = 16384
	// guessLife is how long to wait for a ledger to reach a position in an epoch
	// that was guessed.
	guessLife = 20 * time.Second
	// standstill is how long a ledger that answers may stay where it is, with
	// nothing sent to it, before what it has not reached counts as lost: at the
	// very end of a stream there is no later message to show that one is missing.
	standstill = 20 * time.Second
)

// Flush publishes what the outbox had pending for the client's party when it was
// called, and waits until all of it has verified receipts, or is rejected. It
// goes on through outages of broker and ledger until ctx ends. After an error,
// whatever has no receipt is still pending; what was done until then is in the
// Result.
//
// The error is a [ForkError] if the ledger contradicts itself and a [StaleError]
// if another outbox writes for a recorder; the other recorders are finished
// first then. A rejection is not an error. One flush runs for an outbox at a
// time.
func (c *Client) Flush(ctx context.Context, o *Outbox, opts FlushOptions) (Result, error) {
	return c.flush(ctx, o, opts, false)
}

// Run is a Flush that goes on with whatever is added, until ctx ends (which is
// its error then) or something happens that waiting won't mend.
func (c *Client) Run(ctx context.Context, o *Outbox, opts FlushOptions) (Result, error) {
	return c.flush(ctx, o, opts, true)
}

func (c *Client) flush(ctx context.Context, o *Outbox, opts FlushOptions, follow bool) (Result, error) {
	f := &flush{client: c, outbox: o, opts: opts, follow: follow, start: time.Now(), queues: map[int64]*recorderQueue{}, poll: c.config.Poll}
	if !o.flushMu.TryLock() {
		return f.result, fmt.Errorf("flush outbox %s: another flush of it is running", o.path)
	}
	defer o.flushMu.Unlock()
	err := f.run(ctx)
	f.result.Elapsed = time.Since(f.start)
	if err == nil {
		return f.result, nil
	}
	if ctx.Err() != nil && !follow {
		if f.offline != nil && !errors.Is(err, f.offline) {
			err = fmt.Errorf("%w: %w", err, f.offline)
		}
		err = hinted{err, "nothing is lost: what has no receipt is still in the outbox, and is sent by the next flush"}
	}
	return f.result, fmt.Errorf("flush outbox %s: %w", o.path, err)
}

// flush is the state of one run. It has no lock: one goroutine owns it.
type flush struct {
	client *Client
	outbox *Outbox
	opts   FlushOptions
	follow bool
	start  time.Time
	result Result

	queues  map[int64]*recorderQueue // by recorder's row
	cursor  int64                    // the last envelope looked at
	limit   int64                    // the last to be looked at, unless following
	oldest  int64                    // envelopes up to here may have been sent before
	requeue uint64                   // outbox.requeues, as last seen
	tracked map[int64]bool

	session  *session // whose heads were compared
	compared bool
	// nextCompare is when to try again, if the ledger didn't answer.
	nextCompare time.Time

	ledger      position // where the ledger last said it stands
	ledgerSince time.Time
	// moved is when the ledger was last seen to move, or something was sent.
	moved     time.Time
	poll      time.Duration
	nextPoll  time.Time
	announced bool

	backoff time.Duration
	offline error
	problem error // the first thing that the ledger said and the tree doesn't
}

func (f *flush) run(ctx context.Context) error {
	if err := f.outbox.bind(ctx, f.client.config.Log); err != nil {
		return err
	}
	if f.opts.Resend {
		if _, err := f.outbox.Requeue(ctx); err != nil {
			return err
		}
	}
	var err error
	if f.limit, err = f.outbox.lastEnvelope(ctx); err != nil {
		return err
	}
	f.oldest = f.limit
	f.tracked = map[int64]bool{}
	f.requeue = f.outbox.requeues.Load()
	for {
		if err := f.refill(ctx); err != nil {
			return err
		}
		if f.waiting() {
			err = f.step(ctx)
		} else if err = f.verdict(); err == nil {
			if !f.follow {
				return nil
			}
			err = f.idle(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// step does whatever can be done now, and waits if that is nothing.
func (f *flush) step(ctx context.Context) error {
	s, err := f.client.open(ctx, f.unreachable)
	if err != nil {
		return err
	}
	if s != f.session {
		f.session, f.compared, f.nextCompare = s, false, time.Time{}
		for _, l := range f.queues {
			l.lastSeq = 0
		}
	}
	if now := time.Now(); !f.compared && !now.Before(f.nextCompare) {
		f.nextCompare = now.Add(f.client.config.Poll)
		switch heads, err := s.heads(ctx, f.client.config.Party, f.outbox.Checkpoint()); {
		case err == nil:
			if err := f.compare(ctx, heads); err != nil {
				return err
			}
			f.compared = true
		case permanent(err) || ctx.Err() != nil:
			return err
		default:
			f.unreachable(err)
		}
	}
	if err := f.askOld(ctx, s); err != nil {
		return err
	}
	sent, err := f.send(ctx, s)
	if err != nil {
		return err
	}
	if f.due() {
		if err := f.resolve(ctx, s); err != nil {
			return err
		}
	}
	f.report()
	if sent || !f.waiting() {
		return nil
	}
	return f.wait(ctx, s)
}

// waiting reports whether there is something left that this flush can bring to
// an end.
func (f *flush) waiting() bool {
	for _, l := range f.queues {
		for _, it := range l.items {
			if it.hopeful() {
				return true
			}
		}
	}
	return false
}

// hopeful reports whether it is worth waiting for it.
func (it *item) hopeful() bool {
	if it.done || len(it.doubted) > 0 && !it.placed {
		return false
	}
	return it.sent || it.placed || it.lane.stale == nil
}

// verdict is the error of a flush that has nothing left to wait for.
func (f *flush) verdict() error {
	var errs []error
	for _, id := range f.laneOrder() {
		if l := f.queues[id]; l.stale != nil && (len(l.items) > 0 || l.skipped) {
			errs = append(errs, l.stale)
		}
	}
	return errors.Join(append(errs, f.problem)...)
}

func (f *flush) laneOrder() []int64 {
	ids := make([]int64, 0, len(f.queues))
	for id := range f.queues {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// refill looks at further pending envelopes.
func (f *flush) refill(ctx context.Context) error {
	if n := f.outbox.requeues.Load(); n != f.requeue {
		f.requeue, f.cursor = n, 0
	}
	upTo := f.limit
	if f.follow {
		upTo = 1<<63 - 1
	}
	for len(f.tracked) < maxTracked {
		items, recorders, err := f.outbox.loadPending(ctx, f.cursor, upTo, min(2048, maxTracked-len(f.tracked)))
		if err != nil {
			return err
		}
		if len(items) == 0 {
			return nil
		}
		if err := f.place(ctx, items, recorders); err != nil {
			return err
		}
	}
	return nil
}

// place puts items into their queues.
func (f *flush) place(ctx context.Context, items []*item, recorders []int64) error {
	for i, it := range items {
		f.cursor = it.id
		if f.tracked[it.id] {
			continue
		}
		l := f.queues[recorders[i]]
		if l == nil {
			if err := f.addLanes(ctx); err != nil {
				return err
			}
			if l = f.queues[recorders[i]]; l == nil {
				continue // of another party
			}
		}
		if l.stale != nil {
			l.skipped = true
			continue
		}
		it.lane, it.old, it.bare = l, it.id <= f.oldest, it.refused != nil
		f.tracked[it.id] = true
		l.items = append(l.items, it)
		if n := len(l.items); n > 1 && l.items[n-2].id > it.id { // requeued
			slices.SortFunc(l.items, func(a, b *item) int { return cmp.Compare(a.id, b.id) })
		}
	}
	return nil
}

func (f *flush) addLanes(ctx context.Context) error {
	all, err := f.outbox.recorders(ctx)
	if err != nil {
		return err
	}
	for recorder, row := range all {
		if f.queues[row.id] != nil || recorder.Party() != f.client.config.Party {
			continue
		}
		// What was stale may have been mended: the ledger's head decides.
		f.queues[row.id] = &recorderQueue{recorder: recorder, id: row.id, incarnation: row.incarnation, checked: row.checked && row.stale == ""}
		f.compared, f.nextCompare = false, time.Time{}
	}
	return nil
}

// compare compares the outbox with the ledger's heads, as far as there are
// pending envelopes.
func (f *flush) compare(ctx context.Context, heads []events.Head) error {
	for _, l := range f.queues {
		i := slices.IndexFunc(heads, func(h events.Head) bool { return h.Recorder == l.recorder.String() })
		var head *events.Head
		if i >= 0 {
			head = &heads[i]
		}
		if l.conflict {
			continue
		}
		l.stale = nil
		if err := f.outbox.compare(ctx, l.recorder, head); err != nil && !errors.As(err, &l.stale) {
			return err
		}
		l.checked = true
		switch {
		case l.stale != nil:
			f.drop(l)
		case l.skipped:
			l.skipped, f.cursor = false, 0
		}
	}
	return nil
}

// drop stops looking at what can't be sent, so that it doesn't take the place of
// what can.
func (f *flush) drop(l *recorderQueue) {
	l.items = slices.DeleteFunc(l.items, func(it *item) bool {
		if it.sent || it.placed {
			return false
		}
		delete(f.tracked, it.id)
		l.skipped = true
		return true
	})
}

// idle waits for something to be added.
func (f *flush) idle(ctx context.Context) error {
	f.report()
	select {
	case <-f.outbox.added:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wait waits for anything that could bring a step forward.
func (f *flush) wait(ctx context.Context, s *session) error {
	until := f.nextPoll
	now := time.Now()
	for _, l := range f.queues {
		if l.retryAt.After(now) && l.retryAt.Before(until) && len(l.items) > 0 {
			until = l.retryAt
		}
	}
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	var added chan struct{}
	if f.follow {
		added = f.outbox.added
	}
	select {
	case <-t.C:
	case <-f.client.mail.wake:
		f.announced = true
	case <-added:
	case <-s.closed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// due reports whether it is time to look for receipts.
func (f *flush) due() bool {
	select {
	case <-f.client.mail.wake:
		f.announced = true
	default:
	}
	if f.announced {
		f.announced = false
		return true
	}
	return !time.Now().Before(f.nextPoll)
}

// unreachable notes why nothing moves.
func (f *flush) unreachable(err error) {
	f.offline = err
	f.report()
}

// report tells the caller how far it is.
func (f *flush) report() {
	if f.opts.Progress == nil {
		return
	}
	p := Progress{Result: f.result, Offline: f.offline}
	p.Elapsed = time.Since(f.start)
	for _, l := range f.queues {
		for _, it := range l.items {
			p.Pending++
			if it.sent || it.placed {
				p.Sent++
			}
		}
	}
	f.opts.Progress(p)
}

// holdOff waits before the next attempt, longer each time.
func (f *flush) holdOff(ctx context.Context) error {
	f.backoff = min(max(2*f.backoff, backoff.First), backoff.Most)
	if retry.Sleep(ctx, f.backoff) != nil {
		return context.Cause(ctx)
	}
	return nil
}
