// Package custodian keeps what opens digests, encrypted as operators sent it, in the
// broker's stream DISCLOSURES: it finds what is of a pseudonym, erases it, and encrypts it
// anew to an authority's next recipient. It opens nothing but for that authority, with
// that authority's identity.
package custodian

import (
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

	sequence, left uint64 // left: how many come after it
	replaces       string // the digest of its predecessor
}

const (
	// headerReceived is when a message was first sent that was encrypted anew, and
	// headerReplaces the digest of what it takes the place of.
	headerReceived = "Saksi-Received"
	headerReplaces = "Saksi-Replaces"
)

const (
	// most is how many messages one question gets at most, and mostBytes after how many
	// bytes it ends.
	most      = 10_000
	mostBytes = 64 << 20
)

// Of returns what operators sent about a pseudonym, the oldest first; at most 10,000, or
// 64 MiB of them.
func (c *Custodian) Of(ctx context.Context, operator, actor string) ([]Stored, error) {
	own := disclosed.SubjectsOf(operator, actor)
	return c.matching(ctx, []string{own, disclosed.Reencrypted(own)})
}

// matching reads the messages on some subjects, the oldest first.
func (c *Custodian) matching(ctx context.Context, subjects []string) ([]Stored, error) {
	var out []Stored
	total := 0
	err := c.each(ctx, subjects, func(m *Stored) (bool, error) {
		out = append(out, *m)
		total += len(m.Message)
		return len(out) < most && total < mostBytes, nil
	})
	slices.SortStableFunc(out, func(a, b Stored) int { return a.Received.Compare(b.Received) })
	return out, err
}

// each calls f with the messages on some subjects that are there now, in the order of the
// stream, until it returns false.
func (c *Custodian) each(ctx context.Context, subjects []string, f func(*Stored) (more bool, err error)) error {
	info, err := c.stream.Info(ctx)
	if err != nil {
		return fmt.Errorf("look at the disclosures: %w", err)
	}
	consumer, err := c.js.OrderedConsumer(ctx, info.Config.Name, jetstream.OrderedConsumerConfig{FilterSubjects: subjects, MaxResetAttempts: 3})
	if err != nil {
		return fmt.Errorf("look for disclosures: %w", err)
	}
	pending, err := consumer.Info(ctx)
	if err != nil {
		return fmt.Errorf("look for disclosures: %w", err)
	}
	if pending.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(512))
	if err != nil {
		return fmt.Errorf("look for disclosures: %w", err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("read disclosures: %w", err)
		}
		stored, err := storedOf(m)
		if err != nil {
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

func storedOf(m jetstream.Msg) (*Stored, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read disclosures: %w", err)
	}
	s := &Stored{Subject: m.Subject(), Received: meta.Timestamp.UTC(), Message: m.Data(), sequence: meta.Sequence.Stream, left: meta.NumPending}
	// Only what the custodian itself sent says when it was first there.
	if strings.HasPrefix(s.Subject, "reencrypted.") {
		if s.Received, err = time.Parse(time.RFC3339Nano, m.Headers().Get(headerReceived)); err != nil {
			return nil, fmt.Errorf("read disclosures: message %d doesn't say when it was first sent: %w", s.sequence, err)
		}
		s.replaces = m.Headers().Get(headerReplaces)
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
			// What one question doesn't get the next one does, the others being gone.
			again, at.Left = false, 0
			for _, m := range found {
				if !order.Covers(order.Operator, m.facility(), order.Actor) {
					continue
				}
				said := admission.Said{Operator: order.Operator, Facility: m.facility(), Actors: []string{order.Actor}, Received: m.Received}
				if i := slices.IndexFunc(holds, func(h admission.Hold) bool { return h.Covers(said) }); i >= 0 {
					at.Hold = holds[i].By + "/" + holds[i].HoldPlaced.Hold
					at.Left++
					continue
				}
				if do == nil {
					at.Left++
					continue
				}
				if err := do(ctx, m); err != nil {
					return out, err
				}
				again = true
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
	found, err := c.matching(ctx, []string{"reencrypted.>"})
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
	// Messages that have a successor, from a run that was interrupted.
	there := map[string]bool{}
	err := c.each(ctx, []string{"reencrypted.>"}, func(m *Stored) (bool, error) {
		there[m.replaces] = true
		return true, nil
	})
	if err != nil {
		return out, err
	}
	err = c.each(ctx, []string{"disclosures.>", "reencrypted.>"}, func(m *Stored) (bool, error) {
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
			out.Failed = append(out.Failed, fmt.Sprintf("%s, event %.80s: %v", message.Recorder, message.ID, err))
			return len(out.Failed) < maxFailed, nil
		}
		if err := c.replace(ctx, m, text, there[events.DigestOf(m.Message).String()]); err != nil {
			return false, err
		}
		out.Done++
		return true, nil
	})
	return out, err
}

// maxFailed is how many messages that can't be encrypted anew are named; with more, those
// that are left are not looked at.
const maxFailed = 100

// replace stores a message that was encrypted anew, if it isn't stored yet, and deletes
// the one before it.
func (c *Custodian) replace(ctx context.Context, m *Stored, text []byte, stored bool) error {
	subject := m.Subject
	if strings.HasPrefix(subject, "disclosures.") {
		subject = disclosed.Reencrypted(subject)
	}
	if !stored {
		msg := nats.NewMsg(subject)
		msg.Data = text
		msg.Header.Set(headerReceived, m.Received.Format(time.RFC3339Nano))
		msg.Header.Set(headerReplaces, events.DigestOf(m.Message).String())
		if _, err := c.js.PublishMsg(ctx, msg); err != nil {
			return fmt.Errorf("store a disclosure that was encrypted anew: %w", err)
		}
	}
	if err := c.stream.SecureDeleteMsg(ctx, m.sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return fmt.Errorf("erase disclosure %d: %w", m.sequence, err)
	}
	return nil
}
