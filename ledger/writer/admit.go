package writer

import (
	"context"
	"fmt"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Received is a message as it came from the stream.
type Received struct {
	Subject string
	Body    []byte
	// Seq and Time are the stream's own.
	Seq  uint64
	Time time.Time
}

// Chunk is messages on their way into the ledger, prepared but not yet judged.
type Chunk struct {
	messages   []Received
	candidates []*admission.Candidate
	tally      map[string]ledger.Tally // by party, when it is admitted
}

// count adds a message to its party's tally.
func (c *Chunk) count(m *Received, verdict formats.Verdict) {
	party, ok := partyOf(m.Subject)
	if !ok {
		return
	}
	t := c.tally[party]
	size := int64(len(m.Body) + len(m.Subject))
	t.Messages++
	t.Bytes += size
	if verdict != formats.Accepted {
		t.Wasted++
		t.WastedBytes += size
	}
	c.tally[party] = t
}

// Prepare does what can be done about messages before their turn comes, on all
// processors. At most [MaxChunk] messages make a chunk.
func (l *Ledger) Prepare(messages []Received) *Chunk {
	prepare := make([]admission.Message, len(messages))
	for i, m := range messages {
		prepare[i] = admission.Message{Subject: m.Subject, Body: m.Body}
	}
	return &Chunk{messages: messages, candidates: l.admit.Rules().Prepare(prepare)}
}

// Rejection is a rejected message, for telling its party.
type Rejection struct {
	Party string
	events.RejectedPlace
}

// Admit makes a leaf of every message in the chunk: judge, keep the bodies
// (fsync), add the leaves (fsync), commit the database. It returns the
// rejections among them. An error wraps [ledger.ErrFatal].
func (l *Ledger) Admit(ctx context.Context, chunk *Chunk) ([]Rejection, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.failed != nil {
		return nil, l.failed
	}
	rejections, err := l.admitChunk(context.WithoutCancel(ctx), chunk) // what has begun is finished
	if err != nil {
		l.failed = fmt.Errorf("admit messages from stream sequence %d: %w: %w", chunk.messages[0].Seq, err, ledger.ErrFatal)
		return nil, l.failed
	}
	l.tellGrown()
	if l.config.Took != nil {
		l.config.Took(chunk.tally)
	}
	return rejections, nil
}

func (l *Ledger) admitChunk(ctx context.Context, chunk *Chunk) ([]Rejection, error) {
	var rejections []Rejection
	registry := false
	entries := make([][]byte, len(chunk.messages))
	bodies := make([][]byte, len(chunk.messages))
	chunk.tally = map[string]ledger.Tally{}
	for i, m := range chunk.messages {
		index := l.tree.size + uint64(i)
		verdict, err := l.admit.Judge(chunk.candidates[i], index)
		if err != nil {
			return nil, err
		}
		leaf := verdict.Leaf(l.at.epoch, m.Seq, m.Subject)
		leaf.Received = m.Time
		entries[i], bodies[i] = leaf.Marshal(), m.Body
		chunk.count(&m, verdict.Verdict)
		switch verdict.Verdict {
		case formats.Duplicate:
			// Its events lie with the leaf that it repeats, and are erased there alone.
			line1, err := chunk.candidates[i].Envelope.Without()
			if err != nil {
				return nil, err
			}
			bodies[i] = line1.Marshal()
		case formats.Accepted:
			if chunk.candidates[i].Envelope.Manifest.Recorder.IsOperator() {
				continue
			}
			registry = true
			if err := l.noteAccepted(index, leaf, m.Body); err != nil {
				return nil, err
			}
		case formats.Rejected:
			rejection := Rejection{RejectedPlace: events.RejectedPlace{
				Body: leaf.Digest, Leaf: index, Code: verdict.Code, Reason: verdict.Reason,
			}}
			party, ok := partyOf(m.Subject)
			if !ok {
				continue
			}
			rejection.Party = party
			if err := l.state.reject(party, rejection.RejectedPlace); err != nil {
				return nil, err
			}
			rejections = append(rejections, rejection)
		}
	}
	l.at.seq = chunk.messages[len(chunk.messages)-1].Seq
	if err := l.bodies.Append(bodies); err != nil {
		return nil, err
	}
	if err := l.tree.add(ctx, entries); err != nil {
		return nil, err
	}
	if err := l.commit(l.tree.size); err != nil {
		return nil, err
	}
	if registry {
		select {
		case l.registryChanged <- struct{}{}:
		default:
		}
	}
	return rejections, nil
}
