package feeds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Subscription is what [Follow] follows.
type Subscription struct {
	// Conn is the reader's connection, with its own credentials.
	Conn *nats.Conn
	// Domain is what the feeds are reached under: events.FeedsDomain.
	Domain string
	// Reader and View name the consumer, which the ledger's node made.
	Reader, View string
	// After is the last change that was handled before.
	After Mark
	// FromStart begins with the oldest change that FEEDS has, for a subscriber that
	// is behind what it acknowledged.
	FromStart bool
	// Handle gets changes after After, in order, each once. They are acknowledged
	// when it returns nil, so what it did with them must last by then. Its error ends
	// Follow.
	Handle func([]Message) error
	// Count ends Follow when so many were handled; 0 never does.
	Count int
	// Idle ends Follow when nothing came for so long; 0 never does.
	Idle time.Duration
	// Patience is how long to wait for a consumer that isn't there, 30 s if 0: the
	// node makes it soon after the reader was let in.
	Patience time.Duration
	// Trouble, if not nil, is told why nothing comes, once for each reason.
	Trouble func(error)
}

const (
	// fetchMost is how many messages are fetched, and handled, in one go.
	fetchMost = 256
	// fetchWait is how long a fetch waits for a first message.
	fetchWait = 5 * time.Second
	// askTime bounds a request to the broker.
	askTime = 5 * time.Second
)

// ErrNoConsumer means that the reader has no consumer of the view.
var ErrNoConsumer = errors.New("there is no consumer for this reader and view")

// Follow reads a view's feed until ctx ends, or Count or Idle say so, and then
// returns nil. While the broker is away it waits. It returns an error if the
// connection was closed, as it is when the reader is suspended, if there is no
// consumer, or if Handle failed.
//
// One process at a time may follow a view in a reader's name.
func Follow(ctx context.Context, s Subscription) error {
	js, err := jetstream.NewWithDomain(s.Conn, s.Domain)
	if err != nil {
		return fmt.Errorf("follow view %s: %w", s.View, err)
	}
	f := &follower{Subscription: s, js: js, name: s.Reader + "_" + s.View, last: s.After, heard: time.Now()}
	if f.Patience == 0 {
		f.Patience = 30 * time.Second
	}
	err = f.run(ctx)
	if e := s.Conn.FlushTimeout(askTime); err == nil && e != nil && ctx.Err() == nil && !s.Conn.IsClosed() {
		err = fmt.Errorf("acknowledge: %w", e)
	}
	if err != nil {
		return fmt.Errorf("follow view %s: %w", s.View, err)
	}
	return nil
}

type follower struct {
	Subscription
	js    jetstream.JetStream
	name  string // of the consumer
	last  Mark   // handled
	count int    // handled here
	heard time.Time
	began bool // with FromStart
}

// errDone ends a run that has come to its end.
var errDone = errors.New("done")

// handleError is an error of Handle, or of what was received: trying again would
// bring it again.
type handleError struct{ error }

func (e handleError) Unwrap() error { return e.error }

func (f *follower) run(ctx context.Context) error {
	var said string
	missing := time.Now()
	for {
		err := f.session(ctx)
		var handling handleError
		switch {
		case ctx.Err() != nil || errors.Is(err, errDone):
			return nil
		case errors.As(err, &handling):
			return handling.error
		case f.Conn.IsClosed():
			return fmt.Errorf("the connection was closed: %w", errors.Join(f.Conn.LastError(), nats.ErrConnectionClosed))
		case !errors.Is(err, ErrNoConsumer):
			missing = time.Now()
		case time.Since(missing) > f.Patience:
			return err
		}
		if f.idle() {
			return nil
		}
		if said != err.Error() && f.Trouble != nil && !startsOver(err) {
			f.Trouble(err)
			said = err.Error()
		}
		if !startsOver(err) && !sleep(ctx, retryAfter) {
			return nil
		}
	}
}

func (f *follower) idle() bool { return f.Idle > 0 && time.Since(f.heard) >= f.Idle }

// Reasons for a session to end and another to begin.
var (
	errGap  = errors.New("a delivery was lost on the way")
	errBack = errors.New("the stream has gone back")
)

func startsOver(err error) bool { return errors.Is(err, errGap) || errors.Is(err, errBack) }

// session sets the consumer back to what was acknowledged, and reads from there.
// Deliveries are counted by the broker without gaps. When one is missing, it went
// to a process that died, or was lost with a connection; the broker would bring it
// again later, after others. So the session ends and another begins, in order.
func (f *follower) session(ctx context.Context) error {
	consumer, err := f.reset(ctx)
	if err != nil {
		return err
	}
	stored := uint64(0) // sequence of the last message in the stream
	for delivered := uint64(1); ; {
		messages, err := f.fetch(ctx, consumer)
		if err != nil {
			return err
		}
		if len(messages) == 0 && f.idle() {
			return errDone
		}
		for i, m := range messages {
			meta, err := m.Metadata()
			if err != nil {
				return err
			}
			if meta.Sequence.Consumer != delivered {
				if err := f.handle(messages[:i]); err != nil {
					return err
				}
				return errGap
			}
			// Sequences rise, but for what is delivered again because handling took long,
			// and where a broker that lost its tail stores anew. What comes out of order
			// would be taken for a repeat, and be lost.
			if meta.Sequence.Stream <= stored && meta.NumDelivered == 1 {
				if err := f.handle(messages[:i]); err != nil {
					return err
				}
				return errBack
			}
			stored = max(stored, meta.Sequence.Stream)
			delivered++
		}
		if err := f.handle(messages); err != nil {
			return err
		}
	}
}

func (f *follower) reset(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	consumer, err := f.js.Consumer(ctx, feedsStream, f.name)
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, ErrNoConsumer
	case err != nil:
		return nil, fmt.Errorf("look for consumer %s: %w", f.name, err)
	}
	if f.FromStart && !f.began {
		_, err = f.js.ResetConsumerToSequence(ctx, feedsStream, f.name, 1)
	} else {
		_, err = f.js.ResetConsumer(ctx, feedsStream, f.name)
	}
	if err != nil {
		return nil, fmt.Errorf("set consumer %s back: %w", f.name, err)
	}
	f.began = true
	return consumer, nil
}

// fetch returns what there is, and waits a while for a first message.
func (f *follower) fetch(ctx context.Context, consumer jetstream.Consumer) ([]jetstream.Msg, error) {
	batch, err := consumer.FetchNoWait(fetchMost)
	if err != nil {
		return nil, err
	}
	messages, err := collect(batch)
	if err != nil || len(messages) > 0 {
		return messages, err
	}
	wait := fetchWait
	if f.Idle > 0 {
		wait = max(min(wait, f.Idle-time.Since(f.heard)), time.Millisecond)
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if batch, err = consumer.Fetch(1, jetstream.FetchContext(waiting)); err != nil {
		return nil, err
	}
	messages, err = collect(batch)
	if err != nil && waiting.Err() != nil {
		return messages, ctx.Err() // nothing came in that time
	}
	return messages, err
}

func collect(batch jetstream.MessageBatch) (messages []jetstream.Msg, err error) {
	for m := range batch.Messages() {
		messages = append(messages, m)
	}
	return messages, batch.Error()
}

// handle hands over what is new, and acknowledges all.
func (f *follower) handle(delivered []jetstream.Msg) error {
	var fresh []Message
	last := f.last
	for i, d := range delivered {
		m, err := ParseMessage(d.Data())
		if err == nil && m.View != f.View {
			err = fmt.Errorf("message %s came to a follower of view %s", m.id(m.View), f.View)
		}
		if err != nil {
			return handleError{err}
		}
		if m.Mark.Compare(last) <= 0 {
			continue // a repeat
		}
		last = m.Mark
		if fresh = append(fresh, *m); f.count+len(fresh) == f.Count {
			delivered = delivered[:i+1]
			break
		}
	}
	if len(fresh) > 0 {
		if err := f.Handle(fresh); err != nil {
			return handleError{err}
		}
		f.last, f.count, f.heard = last, f.count+len(fresh), time.Now()
	}
	for _, d := range delivered {
		if err := d.Ack(); err != nil {
			return fmt.Errorf("acknowledge: %w", err)
		}
	}
	if f.Count > 0 && f.count >= f.Count {
		return errDone
	}
	return nil
}
