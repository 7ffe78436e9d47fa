package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// session is one connection, which never reconnects: whatever is sent over it
// arrives in order, and what is lost is lost from some point on. A connection
// that mends itself could lose the first half of a window and deliver the second.
type session struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	closed chan struct{}

	refused chan struct{} // closed when refusal is set

	mu      sync.Mutex
	refusal error // what the broker doesn't permit us to publish
}

// mailbox holds what was announced since it was last looked into.
type mailbox struct {
	wake chan struct{} // holds at most one

	mu       sync.Mutex
	note     []byte
	rejected map[events.Digest]events.RejectedPlace
}

// maxRejections bounds the reasons held in memory; beyond it, reasons are asked
// for.
const maxRejections = 4096

func (m *mailbox) ring() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// takeNote returns the last checkpoint announced, unverified, and nil if there
// was none since.
func (m *mailbox) takeNote() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	note := m.note
	m.note = nil
	return note
}

func (m *mailbox) takeRejected() map[events.Digest]events.RejectedPlace {
	m.mu.Lock()
	defer m.mu.Unlock()
	rejected := m.rejected
	m.rejected = nil
	return rejected
}

func dialSession(ctx context.Context, config *Config, mail *mailbox) (*session, error) {
	s := &session{closed: make(chan struct{}), refused: make(chan struct{})}
	opts := []nats.Option{
		nats.Name(config.Name), nats.NoReconnect(), nats.Timeout(connectTimeout),
		nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
	}
	switch {
	case config.CredsFile != "":
		opts = append(opts, nats.UserCredentials(config.CredsFile))
	case config.JWT != "":
		opts = append(opts, nats.UserJWTAndSeed(config.JWT, string(config.Seed)))
	}
	opts = append(opts, config.NATSOptions...)
	opts = append(opts,
		nats.ClosedHandler(func(*nats.Conn) { close(s.closed) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			// A subscription that isn't permitted costs speed only: see the poll. The
			// two can be told apart by the broker's words alone.
			if errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(strings.ToLower(err.Error()), "violation for publish") {
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.refusal == nil {
					s.refusal = err
					close(s.refused)
				}
			}
		}))

	type result struct {
		nc  *nats.Conn
		err error
	}
	done := make(chan result, 1)
	go func() {
		nc, err := nats.Connect(config.NATSURL, opts...)
		done <- result{nc, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, r.err
		}
		s.nc = r.nc
	case <-ctx.Done():
		go func() {
			if r := <-done; r.err == nil {
				r.nc.Close()
			}
		}()
		return nil, ctx.Err()
	}

	var err error
	if s.js, err = jetstream.New(s.nc, jetstream.WithPublishAsyncTimeout(ackTimeout)); err == nil {
		err = s.listen(config.Party, mail)
	}
	if err != nil {
		s.nc.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) listen(party string, mail *mailbox) error {
	_, err := s.nc.Subscribe(events.SubjectCheckpoints, func(m *nats.Msg) {
		mail.mu.Lock()
		mail.note = m.Data
		mail.mu.Unlock()
		mail.ring()
	})
	if err != nil {
		return err
	}
	_, err = s.nc.Subscribe(events.SubjectRejections(party), func(m *nats.Msg) {
		var place events.RejectedPlace
		if json.Unmarshal(m.Data, &place) != nil {
			return
		}
		mail.mu.Lock()
		if mail.rejected == nil || len(mail.rejected) >= maxRejections {
			mail.rejected = map[events.Digest]events.RejectedPlace{}
		}
		mail.rejected[place.Body] = place
		mail.mu.Unlock()
		mail.ring()
	})
	return err
}

func (s *session) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

func (s *session) refusedErr() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal
}

// outcome is what became of one message: an acknowledgement, or an error that
// leaves open whether the stream has it.
type outcome struct {
	ack *jetstream.PubAck
	err error
}

// publish sends messages in order and waits until each is acknowledged, or known
// not to be for as long as this session lives.
func (s *session) publish(ctx context.Context, messages []*nats.Msg) []outcome {
	out := make([]outcome, len(messages))
	futures := make([]jetstream.PubAckFuture, len(messages))
	for i, m := range messages {
		// The library's own retries would put a message behind its successors.
		f, err := s.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
		if err != nil {
			for j := i; j < len(messages); j++ {
				out[j].err = err
			}
			break
		}
		futures[i] = f
	}
	for i, f := range futures {
		if f == nil {
			break
		}
		select {
		case out[i].ack = <-f.Ok():
			continue
		case out[i].err = <-f.Err():
			continue
		case <-s.closed:
		case <-s.refused:
		case <-ctx.Done():
		}
		select { // it may have come before the end
		case out[i].ack = <-f.Ok():
		case out[i].err = <-f.Err():
		default:
			switch {
			case ctx.Err() != nil:
				out[i].err = ctx.Err()
			case s.refusedErr() != nil:
				out[i].err = s.refusedErr()
			default:
				out[i].err = nats.ErrConnectionClosed
			}
		}
	}
	return out
}

// request asks the ledger. An error leaves everything as it was.
func (s *session) request(ctx context.Context, subject string, question, answer any) error {
	b, err := json.Marshal(question)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	// By itself a request ends neither with its connection nor for want of a right.
	go func() {
		select {
		case <-s.closed:
			cancel()
		case <-s.refused:
			cancel()
		case <-ctx.Done():
		}
	}()
	m, err := s.nc.RequestWithContext(ctx, subject, b)
	if err != nil {
		if refusal := s.refusedErr(); refusal != nil {
			err = refused{hint("the account lacks a right: let the authority issue it again", "ask on %s: %w", subject, refusal)}
		}
		return fmt.Errorf("ask the ledger on %s: %w", subject, err)
	}
	if err := json.Unmarshal(m.Data, answer); err != nil {
		return fmt.Errorf("the ledger's answer on %s: %w", subject, err)
	}
	return nil
}

func (s *session) get(ctx context.Context, party string, q events.GetRequest) (*events.GetResponse, error) {
	q.V = 1
	var r events.GetResponse
	if err := s.request(ctx, events.SubjectReceiptsGet(party), q, &r); err != nil {
		return nil, err
	}
	if r.Error != "" {
		return nil, fmt.Errorf("the ledger does not say where envelopes of %s are: %s", q.Recorder, clip(r.Error))
	}
	return &r, nil
}

// heads asks where a party's recorders stand. A ledger whose tree is smaller than one that
// the party has verified is shown that.
func (s *session) heads(ctx context.Context, party string, seen *formats.Checkpoint) ([]events.Head, error) {
	var all []events.Head
	for q := (events.HeadRequest{V: 1}); ; {
		var r events.HeadResponse
		if err := s.request(ctx, events.SubjectReceiptsHead(party), q, &r); err != nil {
			return nil, err
		}
		if r.Error != "" {
			return nil, fmt.Errorf("the ledger does not say where %s stands: %s", party, clip(r.Error))
		}
		if seen != nil && r.Size < seen.Size && q.Seen == nil {
			all, q = nil, events.HeadRequest{V: 1, Seen: seen.Note}
			continue
		}
		all = append(all, r.Heads...)
		if !r.More || len(r.Heads) == 0 {
			return all, nil
		}
		after := r.Heads[len(r.Heads)-1].Recorder
		if after <= q.After {
			return nil, fmt.Errorf("the ledger's answer about %s goes round in circles at %s", party, clip(after))
		}
		q.After = after
	}
}
