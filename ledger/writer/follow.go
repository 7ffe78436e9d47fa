package writer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/retry"
)

const (
	// chunkBytes bounds what one chunk holds of bodies.
	chunkBytes = 8 << 20
	// fetchBytes bounds what the broker sends ahead.
	fetchBytes = 16 << 20
	// aheadMessages and aheadBytes bound what is read ahead of the chunk being
	// made: enough that under load each chunk is a full one, since a small chunk
	// costs the disk as much.
	aheadMessages = 2 * MaxChunk
	aheadBytes    = 2 * chunkBytes

	retryFirst = 100 * time.Millisecond
	retryMost  = 5 * time.Second
	// wellFor is how long a following must have gone on for its end to be a new one: it
	// takes some seconds by itself to find out that a broker doesn't answer.
	wellFor = time.Minute
)

// Follow takes messages from the stream into the ledger until the context ends,
// then returns nil. tell is called with the rejections among each chunk. While
// the broker is away it waits and tries again; each time it finds its place in
// the stream anew, and opens an epoch where the stream is not what it was. It
// returns an error that wraps [ledger.ErrFatal] when the ledger itself can't go on.
func (l *Ledger) Follow(ctx context.Context, js jetstream.JetStream, stream string, tell func([]Rejection)) error {
	for failures := 0; ; {
		began := time.Now()
		err := l.followOnce(ctx, js, stream, tell)
		switch {
		case ctx.Err() != nil && !errors.Is(err, ledger.ErrFatal):
			return nil
		case errors.Is(err, ledger.ErrFatal):
			return err
		case errors.Is(err, errRecheck):
			continue
		}
		if time.Since(began) > wellFor {
			failures = 0
		}
		failures++
		wait := retry.Backoff{First: retryFirst, Most: retryMost}.After(failures)
		if retry.WorthLogging(failures) {
			l.log.Warn("following the stream was interrupted", "stream", stream, "error", err, "failures", failures, "retry", wait)
		}
		if retry.Sleep(ctx, wait) != nil {
			return nil
		}
	}
}

// errRecheck ends a following so that the next one looks at the stream anew.
var errRecheck = errors.New("the broker was away")

// Recheck has Follow look again whether the stream is what was read from it. It is
// to be called when the broker was away: what came back may have lost its end, and
// give numbers again that were read before.
func (l *Ledger) Recheck() {
	select {
	case l.recheck <- struct{}{}:
	default:
	}
}

// followOnce is a pipeline of three: read from the broker, gather and prepare a
// chunk, admit it. One chunk is being admitted while the next is prepared.
func (l *Ledger) followOnce(ctx context.Context, js jetstream.JetStream, stream string, tell func([]Rejection)) error {
	from, err := l.findPlace(ctx, js, stream)
	if err != nil {
		return err
	}
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   from,
		// Where the broker was away the consumer is not to find its own way back for
		// long: this finds its place anew.
		MaxResetAttempts: 1,
	})
	if err != nil {
		return fmt.Errorf("consume stream %s from %d: %w", stream, from, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxBytes(fetchBytes))
	if err != nil {
		return fmt.Errorf("consume stream %s from %d: %w", stream, from, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	read := make(chan Received, aheadMessages)
	room := semaphore.NewWeighted(aheadBytes)
	prepared := make(chan *Chunk, 1)
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.recheck:
			return errRecheck
		}
	})
	group.Go(func() error {
		defer close(read)
		// Not from elsewhere: a consumer that comes back just then goes on unstopped.
		defer messages.Stop()
		return readStream(ctx, messages, read, room)
	})
	group.Go(func() error {
		defer close(prepared)
		for chunk := gather(read, room); chunk != nil; chunk = gather(read, room) {
			select {
			case prepared <- l.Prepare(chunk):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	group.Go(func() error {
		for chunk := range prepared {
			if l.config.Admits != nil {
				if err := l.config.Admits(ctx); err != nil {
					return err
				}
			}
			rejections, err := l.Admit(ctx, chunk)
			if err != nil {
				return err
			}
			if len(rejections) > 0 {
				tell(rejections)
			}
		}
		return nil
	})
	return group.Wait()
}

// readStream hands messages on, as long as there is room for their bodies.
func readStream(ctx context.Context, messages jetstream.MessagesContext, to chan<- Received, room *semaphore.Weighted) error {
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("read the stream: %w", err)
		}
		message := Received{Subject: m.Subject(), Body: m.Data(), Seq: meta.Sequence.Stream, Time: meta.Timestamp}
		if err := room.Acquire(ctx, weight(message)); err != nil {
			return err
		}
		select {
		case to <- message:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// weight is what a message takes of the room ahead.
func weight(m Received) int64 { return min(int64(len(m.Body)), aheadBytes) }

// gather waits for a message and takes what else is there, up to a chunk. It
// returns nil when the channel is closed.
func gather(from <-chan Received, room *semaphore.Weighted) []Received {
	first, ok := <-from
	if !ok {
		return nil
	}
	room.Release(weight(first))
	chunk := []Received{first}
	for size := len(first.Body); len(chunk) < MaxChunk && size < chunkBytes; {
		select {
		case m, ok := <-from:
			if !ok {
				return chunk
			}
			room.Release(weight(m))
			chunk = append(chunk, m)
			size += len(m.Body)
		default:
			return chunk
		}
	}
	return chunk
}
