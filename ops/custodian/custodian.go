// Package custodian keeps what opens digests, encrypted as operators sent it, in the
// broker's stream DISCLOSURES: it finds what is of a pseudonym, erases it, and encrypts it
// anew to an authority's next recipient. It opens nothing but for that authority, with
// that authority's identity.
package custodian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ops/broker"
)

// Custodian has the stream open. It is safe for concurrent use.
type Custodian struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	kept   time.Duration // how long a disclosure is kept; zero: for ever
}

// Open opens the stream, making it if there is none. nc must be of
// [broker.RoleCustodian].
func Open(ctx context.Context, nc *nats.Conn, retention events.Retention, replicas int) (*Custodian, error) {
	kept, err := keptFor(retention)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	stream, err := broker.EnsureDisclosures(ctx, js, broker.DisclosuresOptions{MaxAge: kept, Replicas: replicas})
	if err != nil {
		return nil, err
	}
	return &Custodian{js: js, stream: stream, kept: kept}, nil
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

	sequence uint64
}

// headerReceived is when a message was first sent that was encrypted anew.
const headerReceived = "Saksi-Received"

const (
	// most is how many messages one question gets at most.
	most     = 10_000
	readTime = 5 * time.Second
)

// Of returns what operators sent about a pseudonym, the oldest first; at most 10,000.
func (c *Custodian) Of(ctx context.Context, operator, actor string) ([]Stored, error) {
	own := disclosed.SubjectsOf(operator, actor)
	return c.matching(ctx, []string{own, disclosed.Reencrypted(own)}, most)
}

// matching reads the messages on some subjects.
func (c *Custodian) matching(ctx context.Context, subjects []string, limit int) ([]Stored, error) {
	info, err := c.stream.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the disclosures: %w", err)
	}
	consumer, err := c.js.OrderedConsumer(ctx, info.Config.Name, jetstream.OrderedConsumerConfig{FilterSubjects: subjects, MaxResetAttempts: 3})
	if err != nil {
		return nil, fmt.Errorf("look for disclosures: %w", err)
	}
	pending, err := consumer.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for disclosures: %w", err)
	}
	var out []Stored
	for left := min(pending.NumPending, uint64(limit)); left > 0; {
		batch, err := consumer.Fetch(int(min(left, 256)), jetstream.FetchMaxWait(readTime))
		if err != nil {
			return nil, fmt.Errorf("read disclosures: %w", err)
		}
		got := 0
		for m := range batch.Messages() {
			stored, err := storedOf(m)
			if err != nil {
				return nil, err
			}
			out = append(out, *stored)
			got++
		}
		if err := batch.Error(); err != nil {
			return nil, fmt.Errorf("read disclosures: %w", err)
		}
		if got == 0 {
			return nil, errors.New("read disclosures: the broker stopped in the middle")
		}
		left -= min(left, uint64(got))
	}
	slices.SortStableFunc(out, func(a, b Stored) int { return a.Received.Compare(b.Received) })
	return out, nil
}

func storedOf(m jetstream.Msg) (*Stored, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read disclosures: %w", err)
	}
	s := &Stored{Subject: m.Subject(), Received: meta.Timestamp.UTC(), Message: m.Data(), sequence: meta.Sequence.Stream}
	// Only what the custodian itself sent says when it was first there.
	if strings.HasPrefix(s.Subject, "reencrypted.") {
		if s.Received, err = time.Parse(time.RFC3339Nano, m.Headers().Get(headerReceived)); err != nil {
			return nil, fmt.Errorf("read disclosures: message %d doesn't say when it was first sent: %w", s.sequence, err)
		}
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
func (c *Custodian) Erasures(ctx context.Context, registry *admission.Registry) ([]PersonErasure, error) {
	return c.carryOut(ctx, registry.PersonErasures(), registry.Holds(), nil)
}

// Erase carries out the orders in the registry that nothing holds up: it overwrites and
// deletes each message of each pseudonym, those too that came after the order. It returns
// where the orders stand then.
func (c *Custodian) Erase(ctx context.Context, orders []admission.PersonErasure, holds []admission.Hold) ([]PersonErasure, error) {
	return c.carryOut(ctx, orders, holds, func(ctx context.Context, m Stored) error {
		if err := c.stream.SecureDeleteMsg(ctx, m.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("erase disclosure %d: %w", m.sequence, err)
		}
		return nil
	})
}

// carryOut does something, if do is not nil, with each message that an order covers and
// no hold does.
func (c *Custodian) carryOut(ctx context.Context, orders []admission.PersonErasure, holds []admission.Hold, do func(context.Context, Stored) error) ([]PersonErasure, error) {
	out := make([]PersonErasure, 0, len(orders))
	for _, order := range orders {
		at := PersonErasure{PersonErasure: order}
		for again := true; again; {
			found, err := c.Of(ctx, order.Operator, order.Actor)
			if err != nil {
				return out, err
			}
			again, at.Left = len(found) == most && do != nil, 0
			for _, m := range found {
				if !order.Covers(order.Operator, m.facility(), order.Actor) {
					continue
				}
				said := admission.Said{Operator: order.Operator, Facility: m.facility(), Actors: []string{order.Actor}, Received: m.Received}
				if i := slices.IndexFunc(holds, func(h admission.Hold) bool { return h.Covers(said) }); i >= 0 {
					at.Hold, again = holds[i].By+"/"+holds[i].HoldPlaced.Hold, false
					at.Left++
					continue
				}
				if do == nil {
					at.Left++
				} else if err := do(ctx, m); err != nil {
					return out, err
				}
			}
		}
		out = append(out, at)
	}
	return out, nil
}

// Expire deletes what was encrypted anew and is older than disclosures are kept, by when
// it was first sent: the broker counts from when it was sent again.
func (c *Custodian) Expire(ctx context.Context, now time.Time) (int, error) {
	if c.kept == 0 {
		return 0, nil
	}
	found, err := c.matching(ctx, []string{"reencrypted.>"}, most)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, m := range found {
		if now.Sub(m.Received) < c.kept {
			break // the oldest come first
		}
		if err := c.stream.SecureDeleteMsg(ctx, m.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return n, fmt.Errorf("erase disclosure %d: %w", m.sequence, err)
		}
		n++
	}
	return n, nil
}

// Reencrypted is what came of encrypting anew.
type Reencrypted struct {
	Done   int      `json:"done"`
	Failed []string `json:"failed,omitempty"` // messages that couldn't be opened or checked, and why
}

// Reencrypt encrypts all that was encrypted to an old recipient to the next one as well
// as to the others it was for. What it replaces is overwritten. It is safe to be
// interrupted and done again: a message is deleted after its successor is stored, and one
// that has a successor already is only deleted.
func (c *Custodian) Reencrypt(ctx context.Context, old *age.X25519Identity, next string) (*Reencrypted, error) {
	from := old.Recipient().String()
	out := &Reencrypted{}
	all, err := c.matching(ctx, []string{"disclosures.>", "reencrypted.>"}, 1<<30)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		message, err := disclosed.Parse(m.Message)
		if err != nil || !slices.Contains(message.Recipients, from) {
			continue
		}
		again, err := message.Reseal(old, next)
		var text []byte
		if err == nil {
			text, err = again.Marshal()
		}
		if err != nil {
			out.Failed = append(out.Failed, fmt.Sprintf("%s, event %.80s: %v", message.Recorder, message.ID, err))
			continue
		}
		subject := m.Subject
		if strings.HasPrefix(subject, "disclosures.") {
			subject = disclosed.Reencrypted(subject)
		}
		if found, err := c.has(ctx, subject, message, next); err != nil {
			return out, err
		} else if !found {
			msg := nats.NewMsg(subject)
			msg.Data = text
			msg.Header.Set(headerReceived, m.Received.Format(time.RFC3339Nano))
			if _, err := c.js.PublishMsg(ctx, msg); err != nil {
				return out, fmt.Errorf("store a disclosure that was encrypted anew: %w", err)
			}
		}
		if err := c.stream.SecureDeleteMsg(ctx, m.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return out, fmt.Errorf("erase disclosure %d: %w", m.sequence, err)
		}
		out.Done++
	}
	return out, nil
}

// has reports whether a successor of a message to a recipient is stored.
func (c *Custodian) has(ctx context.Context, subject string, of *disclosed.Message, recipient string) (bool, error) {
	there, err := c.matching(ctx, []string{subject}, most)
	if err != nil {
		return false, err
	}
	for _, m := range there {
		message, err := disclosed.Parse(m.Message)
		if err == nil && bytes.Equal(message.Event[:], of.Event[:]) && slices.Contains(message.Recipients, recipient) && len(message.Recipients) == len(of.Recipients) {
			return true, nil
		}
	}
	return false, nil
}
