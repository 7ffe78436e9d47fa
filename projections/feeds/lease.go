package feeds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	leaseStream  = "LEASES"
	leaseSubject = "leases.feeds"
)

// errTaken: somebody else holds the lease.
var errTaken = errors.New("another publisher holds the lease")

// lease is a message in LEASES that is gone when its holder didn't renew it for
// the stream's maximum age. It keeps two publishers from working against each
// other; that they can't do harm if they do is due to the sequences that they
// expect in FEEDS, not to this.
type lease struct {
	js     jetstream.JetStream
	holder string
	age    time.Duration
	seq    uint64 // of the message that says that it is ours
}

// take takes the lease, or returns errTaken. A lease that bears the same holder's
// name is that holder's from before it died.
func take(ctx context.Context, js jetstream.JetStream, holder string) (*lease, error) {
	stream, err := js.Stream(ctx, leaseStream)
	if err != nil {
		return nil, fmt.Errorf("look for the lease: %w", err)
	}
	l := &lease{js: js, holder: holder, age: stream.CachedInfo().Config.MaxAge}
	if l.age <= 0 {
		return nil, fmt.Errorf("stream %s has no maximum age: a lease would never end", leaseStream)
	}
	last, err := stream.GetLastMsgForSubject(ctx, leaseSubject)
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
	case err != nil:
		return nil, fmt.Errorf("look at the lease: %w", err)
	case len(last.Data) > 0 && string(last.Data) != holder:
		return nil, errTaken
	default:
		l.seq = last.Sequence
	}
	return l, l.say(ctx, holder)
}

// say writes the lease, provided that nobody else did since.
func (l *lease) say(ctx context.Context, text string) error {
	ack, err := l.js.PublishMsg(ctx, &nats.Msg{Subject: leaseSubject, Data: []byte(text)}, jetstream.WithExpectLastSequencePerSubject(l.seq))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return errTaken
	} else if err != nil {
		return fmt.Errorf("write the lease: %w", err)
	}
	l.seq = ack.Sequence
	return nil
}

// hold renews the lease until ctx ends or it is lost, and then calls lost.
func (l *lease) hold(ctx context.Context, lost func(), log *slog.Logger) {
	defer lost()
	tick := time.NewTicker(l.age / 3)
	defer tick.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		try, cancel := context.WithTimeout(ctx, l.age/3)
		err := l.say(try, l.holder)
		cancel()
		switch {
		case err == nil:
			renewed = time.Now()
		case ctx.Err() != nil:
			return
		case errors.Is(err, errTaken), time.Since(renewed) > l.age:
			log.Warn("the lease to publish feeds is lost", "error", err)
			return
		}
	}
}

// release ends the lease at once: an empty one is anybody's.
func (l *lease) release(ctx context.Context) error { return l.say(ctx, "") }
