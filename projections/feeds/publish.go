package feeds

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/projections"
)

// View is a view whose changes are published.
type View struct {
	Name    string
	Version int
}

// ViewsOf returns name and version of views.
func ViewsOf(views []*projections.View) []View {
	out := make([]View, len(views))
	for i, v := range views {
		out[i] = View{v.Name, v.Version}
	}
	return out
}

// Config is a publisher's.
type Config struct {
	// Conn is a connection in the role of projections, which should reconnect for
	// ever.
	Conn *nats.Conn
	// Ensure makes the streams that aren't there; it is called whenever publishing
	// begins, because a broker may have lost them.
	Ensure func(context.Context, jetstream.JetStream) error
	// Origin is the ledger's, for the source of messages.
	Origin string
	Source Source
	Views  []View
	// Wake returns when the views have seen size leaves, or with the context's
	// error. If nil, the source is asked four times a second.
	Wake func(ctx context.Context, size uint64) error
	// Holder names this node in the lease. Of one name there must be one process at a
	// time, which something else sees to: it takes the lease of its predecessor over
	// at once. If empty, a name is made up.
	Holder string
	// Log is slog.Default if nil.
	Log *slog.Logger
	// Published, if not nil, is called with the tree size that all feeds have come to.
	Published func(size uint64)
}

const (
	// batch is how many messages are on their way at a time.
	batch = 512
	// ackTime is how long a batch's acknowledgements may take.
	ackTime = 10 * time.Second
	// askEvery is how often a source is asked that doesn't wake.
	askEvery = 250 * time.Millisecond
	// retryAfter is the pause after something went wrong.
	retryAfter = 500 * time.Millisecond
)

// Publish publishes the changes of views to FEEDS until ctx ends, and then returns
// nil. While another publisher holds the lease, it waits. What goes wrong at the
// broker or the store is logged and tried again; an error is returned for what
// this program can't do, such as going on where a later one published.
func Publish(ctx context.Context, c Config) error {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Holder == "" {
		c.Holder = rand.Text()
	}
	c.Views = slices.Clone(c.Views)
	slices.SortFunc(c.Views, func(a, b View) int { return strings.Compare(a.Name, b.Name) })
	for _, v := range c.Views {
		if !validName.MatchString(v.Name) || v.Version < 1 {
			return fmt.Errorf("publish feeds: view %q of version %d", v.Name, v.Version)
		}
	}
	js, err := jetstream.New(c.Conn, jetstream.WithPublishAsyncMaxPending(2*batch))
	if err != nil {
		return fmt.Errorf("publish feeds: %w", err)
	}
	p := &publisher{Config: c, js: js}
	var said string
	for {
		began := time.Now()
		err := p.once(ctx)
		if time.Since(began) > time.Minute {
			said = ""
		}
		var fatal *fatalError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &fatal):
			return fmt.Errorf("publish feeds: %w", err)
		case errors.Is(err, errTaken):
			if said != err.Error() {
				c.Log.Info("feeds are published by another node; waiting")
			}
		case said != err.Error():
			c.Log.Warn("feeds are not being published; trying again", "error", err)
		}
		said = err.Error()
		if !sleep(ctx, retryAfter) {
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

type publisher struct {
	Config
	js jetstream.JetStream
}

// once takes the lease and publishes for as long as it holds. It never returns nil
// before ctx ends.
func (p *publisher) once(ctx context.Context) error {
	starting, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	if err := p.Ensure(starting, p.js); err != nil {
		return err
	}
	l, err := take(starting, p.js, p.Holder)
	if err != nil {
		return err
	}
	work, stop := context.WithCancel(ctx)
	held := make(chan struct{})
	go func() {
		defer close(held)
		l.hold(work, stop, p.Log)
	}()
	err = p.publish(work)
	lost := work.Err() != nil && ctx.Err() == nil
	stop()
	<-held
	if lost {
		return errors.New("the lease was lost")
	}
	// A node that stops, or pauses after an error, leaves the lease to whoever waits.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if e := l.release(ending); e != nil && ctx.Err() == nil {
		err = errors.Join(err, e)
	}
	return err
}

// publish goes on where FEEDS ends, until something goes wrong or ctx ends.
func (p *publisher) publish(ctx context.Context) (err error) {
	starting, cancel := context.WithTimeout(ctx, ackTime)
	at, maxAge, err := resume(starting, p.js, p.Views)
	cancel()
	if err != nil {
		return err
	}
	var saved time.Time
	// What was published since it was last written down would be published again, had
	// FEEDS dropped it by the next start.
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if e := savePositions(ending, p.js, at); e != nil && err == nil {
			err = e
		}
	}()
	for {
		position, err := p.Source.Position(ctx)
		if err != nil {
			return fmt.Errorf("ask how far the views are: %w", err)
		}
		if err := p.catchUp(ctx, at, position.Size); err != nil {
			return err
		}
		// A hundred times within the age that messages reach, or hourly if they reach
		// any.
		if time.Since(saved) > min(maxAge/100, time.Hour) || maxAge == 0 && saved.IsZero() {
			if err := savePositions(ctx, p.js, at); err != nil {
				return err
			}
			saved = time.Now()
		}
		if p.Published != nil {
			p.Published(position.Size)
		}
		if err := p.wait(ctx, position.Size+1); err != nil {
			return err
		}
	}
}

// wait returns when there may be more to publish, or after a while in which there
// was nothing.
func (p *publisher) wait(ctx context.Context, size uint64) error {
	if p.Wake == nil {
		sleep(ctx, askEvery)
		return ctx.Err()
	}
	patience, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := p.Wake(patience, size); err != nil && patience.Err() == nil {
		return err
	}
	return ctx.Err()
}

// catchUp publishes all changes of leaves below size.
func (p *publisher) catchUp(ctx context.Context, at *published, size uint64) error {
	m := newMerger(p.Source, size, p.Views, func(view string) uint64 { return at.views[view].Change })
	for {
		var b []sending
		for len(b) < batch {
			view, c, ok, err := m.next(ctx)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			msg, err := message(p.Origin, view, c)
			if err != nil {
				return err
			}
			b = append(b, sending{msg: msg, view: view.Name, mark: Mark{view.Version, c.Number}})
		}
		if len(b) == 0 {
			return nil
		}
		if err := p.send(ctx, at, b); err != nil {
			return err
		}
	}
}

type sending struct {
	msg  *nats.Msg
	view string
	mark Mark
	ack  jetstream.PubAckFuture
}

// send publishes messages in one go, each on the condition that it comes right
// after the one before it. So whatever is refused or lost, what is stored is a
// beginning of them. The sequence alone wouldn't do: once the first is refused,
// because somebody else published, a later one may find the sequence that it
// expects, and others would be missing before it. send waits for all
// acknowledgements; after an error only [resume] knows how far it came.
func (p *publisher) send(ctx context.Context, at *published, b []sending) error {
	for i := range b {
		s := &b[i]
		expect := []jetstream.PublishOpt{jetstream.WithExpectLastSequence(at.last + uint64(i))}
		if i > 0 {
			expect = append(expect, jetstream.WithExpectLastMsgID(b[i-1].mark.id(b[i-1].view)))
		}
		var err error
		if s.ack, err = p.js.PublishMsgAsync(s.msg, expect...); err != nil {
			return fmt.Errorf("publish %s: %w", s.mark.id(s.view), err)
		}
	}
	timeout := time.NewTimer(ackTime)
	defer timeout.Stop()
	for i := range b {
		s := &b[i]
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return fmt.Errorf("publish %s: no acknowledgement after %v", s.mark.id(s.view), ackTime)
		case err := <-s.ack.Err():
			return fmt.Errorf("publish %s: %w", s.mark.id(s.view), err)
		case ack := <-s.ack.Ok():
			if ack.Sequence != at.last+1 {
				return fmt.Errorf("publish %s: it was stored as %d, and %d was expected", s.mark.id(s.view), ack.Sequence, at.last+1)
			}
			at.last++
			at.views[s.view] = place{Mark: s.mark, Sequence: at.last}
		}
	}
	return nil
}
