package writer

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
)

const (
	// pendingQuestions and pendingBytes bound what was asked and not yet looked at.
	pendingQuestions = 65_536
	pendingBytes     = 64 << 20
	// waitingQuestions bounds what one party has asked and not been answered: an
	// outbox asks one thing after the other. What is beyond is dropped, unanswered, as
	// if it had been lost; who asks in good faith asks again.
	waitingQuestions = 64
	// answerers is how many questions are worked on at a time.
	answerers = 3
)

// queue holds questions, those of each party apart. Parties take turns.
type queue struct {
	mu      sync.Mutex
	parties map[string][]*nats.Msg
	turns   []string // parties with questions that wait
	some    chan struct{}
}

func newQueue() *queue {
	return &queue{parties: map[string][]*nats.Msg{}, some: make(chan struct{}, answerers)}
}

// add puts a question in its party's line, unless that is as long as it may be.
func (q *queue) add(m *nats.Msg) {
	party, _, ok := splitReceiptSubject(m.Subject)
	if !ok {
		party = "" // all of these in one line
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	line := q.parties[party]
	if len(line) >= waitingQuestions {
		return
	}
	if len(line) == 0 {
		q.turns = append(q.turns, party)
	}
	q.parties[party] = append(line, m)
	select {
	case q.some <- struct{}{}:
	default:
	}
}

// take returns the next question, nil if there is none.
func (q *queue) take() *nats.Msg {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.turns) == 0 {
		return nil
	}
	party := q.turns[0]
	q.turns = q.turns[1:]
	line := q.parties[party]
	m := line[0]
	if line = line[1:]; len(line) == 0 {
		delete(q.parties, party)
	} else {
		q.parties[party] = line
		q.turns = append(q.turns, party)
	}
	return m
}

// next waits for a question. It returns nil when the context ends.
func (q *queue) next(ctx context.Context) *nats.Msg {
	for ctx.Err() == nil {
		if m := q.take(); m != nil {
			return m
		}
		select {
		case <-q.some:
		case <-ctx.Done():
		}
	}
	return nil
}
