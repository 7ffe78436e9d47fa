// Package disclosures stores disclosures in the broker's stream DISCLOSURES: it finds,
// erases and re-encrypts them.
//
// Not here: what a disclosure says. It opens none, except for an authority with that
// authority's identity.
package disclosures

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ops/broker"
)

// Store has the stream open. It is safe for concurrent use.
type Store struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	kept   time.Duration // how long a disclosure is kept; zero: for ever

	// publish stores a message, remove overwrites and deletes one; tests make them fail.
	publish func(context.Context, *nats.Msg) error
	remove  func(ctx context.Context, sequence uint64) error

	// mu is held while something is encrypted anew. It guards there: see successors.
	mu    sync.Mutex
	there map[string]bool
}

// Open opens the stream, making it if there is none. nc must be of
// [broker.RoleDisclosures]. newBytes is how much a new stream may hold; 0 is the broker
// package's default.
func Open(ctx context.Context, nc *nats.Conn, retention events.Retention, replicas int, newBytes int64) (*Store, error) {
	options, err := StreamOptions(retention, replicas, newBytes)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	stream, err := broker.EnsureDisclosures(ctx, js, options)
	if err != nil {
		return nil, err
	}
	return &Store{
		js: js, stream: stream, kept: options.MaxAge, remove: stream.SecureDeleteMsg,
		publish: func(ctx context.Context, m *nats.Msg) error { _, err := js.PublishMsg(ctx, m); return err },
	}, nil
}

// StreamOptions are those that [Open] makes the stream with.
func StreamOptions(retention events.Retention, replicas int, newBytes int64) (broker.DisclosuresOptions, error) {
	kept, err := keptFor(retention)
	return broker.DisclosuresOptions{MaxAge: kept, Replicas: replicas, NewBytes: newBytes}, err
}

// keptFor returns the genesis' retention of disclosures as the broker counts: years of
// 365 days and months of 30, so that nothing is kept for longer.
func keptFor(retention events.Retention) (time.Duration, error) {
	if retention.Disclosures == "" {
		return 0, nil
	}
	p, err := events.ParsePeriod(retention.Disclosures)
	if err != nil {
		return 0, fmt.Errorf("retention of disclosures: %w", err)
	}
	return time.Duration(365*p.Years+30*p.Months+p.Days) * 24 * time.Hour, nil
}

// Stored is a message of the stream.
type Stored struct {
	Subject  string    `json:"subject"`
	Received time.Time `json:"received"` // when it was first sent
	Message  []byte    `json:"message"`  // see [disclosed.Message]

	sequence, left uint64 // left: how many come after it
	replaces       string // what it takes the place of
	event          string // where its event is, by the sender's word: see [disclosed.HeaderEvent]
}

const (
	// headerReceived is when a message was first sent that was encrypted anew or moved, and
	// headerReplaces what it takes the place of: a digest, after moved where it is the same
	// message on another subject.
	headerReceived = "Saksi-Received"
	headerReplaces = "Saksi-Replaces"
)

const (
	// pageMessages and pageBytes are after how many messages and bytes a page ends.
	pageMessages = 1000
	pageBytes    = 8 << 20
	// fetched is how many messages are on their way at a time, of 192 KiB at most each.
	fetched = 64
	// vanished is after how long without a message it is looked whether there are any left:
	// others erase and expire them while they are read.
	vanished = 2 * time.Second
)

// Page returns what operators sent about a pseudonym, in the order of the stream, from the
// place that the page before gave as next, 0 being the beginning. A page is at most 1,000
// messages, and ends after 8 MiB of them. Its next is 0 if there is nothing after it.
func (c *Store) Page(ctx context.Context, operator, actor string, from uint64) (page []Stored, next uint64, err error) {
	total := 0
	err = c.each(ctx, of(operator, nil, actor), from, func(m *Stored) (bool, error) {
		if len(page) == pageMessages || total >= pageBytes {
			next = m.sequence
			return false, nil
		}
		page = append(page, *m)
		total += len(m.Message)
		return true, nil
	})
	return page, next, err
}

// of returns the subjects on which an operator's messages about a pseudonym are, at some
// facilities, or all if none are named.
func of(operator string, facilities []string, actor string) (subjects []string) {
	if len(facilities) == 0 {
		facilities = []string{"*"}
	}
	// Filters of a consumer must not overlap.
	for _, facility := range slices.Compact(slices.Sorted(slices.Values(facilities))) {
		own := disclosed.SubjectsAt(operator, facility, actor)
		subjects = append(subjects, own, disclosed.Reencrypted(own))
	}
	return subjects
}

// each calls f with the messages on some subjects that are there now, from a place in the
// stream on and in its order, until it returns false. f may delete them.
func (c *Store) each(ctx context.Context, subjects []string, from uint64, f func(*Stored) (more bool, err error)) error {
	info, err := c.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at the disclosures: %w", err)
	}
	config := jetstream.OrderedConsumerConfig{FilterSubjects: subjects, MaxResetAttempts: 3}
	if from > 0 {
		config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	}
	consumer, err := c.js.OrderedConsumer(ctx, info.Config.Name, config)
	if err != nil {
		return fmt.Errorf("look for disclosures: %w", err)
	}
	if pending, err := consumer.Info(ctx); err != nil {
		return fmt.Errorf("look for disclosures: %w", err)
	} else if pending.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(fetched))
	if err != nil {
		return fmt.Errorf("look for disclosures: %w", err)
	}
	defer messages.Stop()
	for {
		stored, err := next(ctx, messages)
		if errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			pending, err := consumer.Info(ctx)
			if err != nil {
				return fmt.Errorf("look for disclosures: %w", err)
			}
			if pending.NumPending == 0 {
				return nil
			}
			continue
		} else if err != nil {
			return err
		}
		if stored.sequence > info.State.LastSeq {
			return nil
		}
		more, err := f(stored)
		if err != nil || !more || stored.left == 0 {
			return err
		}
	}
}

// next waits for a message, but not for one that somebody has deleted in the meantime.
func next(ctx context.Context, messages jetstream.MessagesContext) (*Stored, error) {
	wait, cancel := context.WithTimeout(ctx, vanished)
	defer cancel()
	m, err := messages.Next(jetstream.NextContext(wait))
	if err != nil {
		return nil, fmt.Errorf("read disclosures: %w", err)
	}
	return storedOf(m)
}

func storedOf(m jetstream.Msg) (*Stored, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read disclosures: %w", err)
	}
	s, err := storedFrom(m.Subject(), meta.Timestamp, m.Data(), m.Headers(), meta.Sequence.Stream)
	if err == nil {
		s.left = meta.NumPending
	}
	return s, err
}

func storedFrom(subject string, received time.Time, message []byte, headers nats.Header, sequence uint64) (_ *Stored, err error) {
	s := &Stored{Subject: subject, Received: received.UTC(), Message: message, sequence: sequence, event: headers.Get(disclosed.HeaderEvent)}
	// Only what the disclosure store itself sent says when it was first there.
	if strings.HasPrefix(s.Subject, "reencrypted.") {
		if s.Received, err = time.Parse(time.RFC3339Nano, headers.Get(headerReceived)); err != nil {
			return nil, fmt.Errorf("read disclosures: message %d doesn't say when it was first sent: %w", s.sequence, err)
		}
		s.replaces = headers.Get(headerReplaces)
	}
	return s, nil
}

// facility returns the third token of a subject.
func (s *Stored) facility() string {
	tokens := strings.Split(s.Subject, ".")
	if len(tokens) < 3 {
		return ""
	}
	return tokens[2]
}

// PersonErasure is an order about a pseudonym, and what became of it here.
type PersonErasure struct {
	admission.PersonErasure
	Left int    `json:"left"`           // messages that are still there
	Hold string `json:"hold,omitempty"` // that keeps one of them, as authority and number
}

// Erasures returns where orders stand.
func (c *Store) Erasures(ctx context.Context, registry *admission.Registry) ([]PersonErasure, error) {
	return c.carryOut(ctx, registry.PersonErasures(), registry.Holds(), nil)
}

// Erase carries out the orders in the registry that nothing holds up: it overwrites and
// deletes each message of each pseudonym, those too that came after the order. It returns
// where the orders stand then.
func (c *Store) Erase(ctx context.Context, orders []admission.PersonErasure, holds []admission.Hold) ([]PersonErasure, error) {
	return c.carryOut(ctx, orders, holds, c.delete)
}

// delete overwrites a message, if it is still there.
func (c *Store) delete(ctx context.Context, m *Stored) error {
	if err := c.remove(ctx, m.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("erase disclosure %d: %w", m.sequence, err)
	}
	return nil
}

// carryOut does something, if do is not nil, with each message that an order covers and
// no hold does.
func (c *Store) carryOut(ctx context.Context, orders []admission.PersonErasure, holds []admission.Hold, do func(context.Context, *Stored) error) ([]PersonErasure, error) {
	out := make([]PersonErasure, 0, len(orders))
	for _, order := range orders {
		at := PersonErasure{PersonErasure: order}
		err := c.each(ctx, of(order.Operator, order.Facilities, order.Actor), 0, func(m *Stored) (bool, error) {
			if !order.Covers(order.Operator, m.facility(), order.Actor) {
				return true, nil
			}
			said := admission.HoldTarget{Operator: order.Operator, Facility: m.facility(), Actors: []string{order.Actor}, Received: m.Received}
			if i := slices.IndexFunc(holds, func(h admission.Hold) bool { return h.Covers(said) }); i >= 0 {
				at.Hold = holds[i].By + "/" + holds[i].HoldPlaced.Hold
				at.Left++
				return true, nil
			}
			if do == nil {
				at.Left++
				return true, nil
			}
			return true, do(ctx, m)
		})
		if err != nil {
			return out, err
		}
		out = append(out, at)
	}
	return out, nil
}

// Expire deletes what was encrypted anew and is older than disclosures are kept, by when
// it was first sent: the broker counts from when it was sent again.
func (c *Store) Expire(ctx context.Context, now time.Time) (int, error) {
	if c.kept == 0 {
		return 0, nil
	}
	n := 0
	err := c.each(ctx, []string{"reencrypted.>"}, 0, func(m *Stored) (bool, error) {
		if now.Sub(m.Received) < c.kept {
			return true, nil
		}
		n++
		return true, c.delete(ctx, m)
	})
	return n, err
}

// Reencrypted is what came of encrypting anew.
type Reencrypted struct {
	Done int `json:"done"`
	// Failed counts messages that say to be for the old recipient and can't be opened with
	// its identity: nothing is lost with them. Named are the first of them, and why.
	Failed int      `json:"failed"`
	Named  []string `json:"named,omitempty"`
}

// Fail counts a message that can't be encrypted anew, and names it if it is of the first.
func (r *Reencrypted) Fail(what string) {
	if r.Failed++; r.Failed <= maxNamed {
		r.Named = append(r.Named, what)
	}
}

// maxNamed is how many messages that can't be encrypted anew are named.
const maxNamed = 100

// Reencrypt encrypts all that was encrypted to an old recipient to the next one as well
// as to the others it was for. What it replaces is overwritten. It is safe to be
// interrupted and done again: a message is deleted after its successor is stored, and one
// that has a successor already is only deleted.
func (c *Store) Reencrypt(ctx context.Context, old *age.X25519Identity, next string) (*Reencrypted, error) {
	from := old.Recipient().String()
	out := &Reencrypted{}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.each(ctx, []string{"disclosures.>", "reencrypted.>"}, 0, func(m *Stored) (bool, error) {
		message, err := disclosed.Parse(m.Message)
		if err != nil || !slices.Contains(message.Recipients, from) {
			return true, nil
		}
		again, err := message.Reseal(old, next)
		var text []byte
		if err == nil {
			text, err = again.Marshal()
		}
		if err != nil {
			out.Fail(fmt.Sprintf("%s, event %.80s: %v", message.Recorder, message.ID, err))
			return true, nil
		}
		if err := c.replace(ctx, m, text); err != nil {
			return false, err
		}
		out.Done++
		return true, nil
	})
	return out, err
}

// replace stores a message that was encrypted anew, if it isn't stored yet, and deletes
// the one before it. c.mu is held.
func (c *Store) replace(ctx context.Context, m *Stored, text []byte) error {
	subject := m.Subject
	if strings.HasPrefix(subject, "disclosures.") {
		subject = disclosed.Reencrypted(subject)
	}
	return c.succeed(ctx, m, subject, text, events.DigestOf(m.Message).String())
}

// succeed stores what takes a message's place, unless something is stored that takes the
// place of what replaces names, and deletes the message. c.mu is held.
func (c *Store) succeed(ctx context.Context, m *Stored, subject string, text []byte, replaces string) error {
	there, err := c.successors(ctx)
	if err != nil {
		return err
	}
	if !there[replaces] {
		msg := nats.NewMsg(subject)
		msg.Data = text
		msg.Header.Set(headerReceived, m.Received.Format(time.RFC3339Nano))
		msg.Header.Set(headerReplaces, replaces)
		msg.Header.Set(disclosed.HeaderEvent, m.event)
		if err := c.publish(ctx, msg); err != nil {
			c.there = nil // it may be there
			return fmt.Errorf("store a disclosure again: %w", err)
		}
		there[replaces] = true
	}
	return c.delete(ctx, m)
}
