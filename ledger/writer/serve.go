package writer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
)

// maxRequest bounds a party's question, in bytes.
const maxRequest = 256 << 10

// answerTime bounds how long one question is worked on.
const answerTime = 10 * time.Second

// Serve answers parties' questions on receipts.> and announces checkpoints, until
// the context ends. The broker lets each party ask on its own subject only; an
// answer never speaks of another's recorders. Parties take turns: who asks a lot
// waits for its own answers, and keeps nobody else waiting.
func (l *Ledger) Serve(ctx context.Context, nc *nats.Conn) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := newQueue()
	sub, err := nc.SubscribeSync("receipts.>")
	if err == nil {
		err = sub.SetPendingLimits(pendingQuestions, pendingBytes)
	}
	if err != nil {
		return fmt.Errorf("serve receipts: %w", err)
	}
	defer sub.Unsubscribe()
	var working sync.WaitGroup
	working.Go(func() { l.announce(ctx, nc) })
	working.Go(func() {
		select {
		case <-ctx.Done():
		case err := <-l.contradiction:
			cancel(err)
		}
	})
	for range answerers {
		working.Go(func() {
			for m := queue.next(ctx); m != nil; m = queue.next(ctx) {
				if err := m.Respond(l.answer(ctx, m)); err != nil && !errors.Is(err, nats.ErrMsgNoReply) {
					l.log.Warn("a question for receipts was not answered", "subject", m.Subject, "error", err)
				}
			}
		})
	}
	for {
		m, err := sub.NextMsgWithContext(ctx)
		switch {
		case ctx.Err() != nil:
			working.Wait()
			if err := context.Cause(ctx); errors.Is(err, ledger.ErrFatal) {
				return err
			}
			return nil
		case errors.Is(err, nats.ErrSlowConsumer):
			l.log.Warn("questions for receipts came faster than they can be told apart: some were dropped, and will be asked again")
			continue
		case err != nil:
			cancel(nil)
			working.Wait()
			return fmt.Errorf("serve receipts: %w", err)
		}
		queue.add(m)
	}
}

const (
	// tellBurst rejections are announced to a party at once, and tellRate a second
	// beyond those. It may have many connections that listen, and the more it sends in
	// vain the more there is to tell.
	tellBurst = 256
	tellRate  = 64
)

// Where says where envelopes of one of a party's recorders stand, as over receipts.get.
// It proves nothing. It may be called from any goroutine.
func (l *Ledger) Where(ctx context.Context, party string, q events.GetRequest) (*events.GetResponse, error) {
	return l.state.where(ctx, party, q)
}

// TellRejections publishes each rejection to its party, which may not be
// listening; it can ask later. It must ask for those that are too many to be told.
// What it returns is for one goroutine.
func (l *Ledger) TellRejections(nc *nats.Conn) func([]Rejection) {
	type account struct {
		level float64
		at    time.Time
	}
	told := map[string]*account{}
	return func(rejections []Rejection) {
		now := time.Now()
		for _, r := range rejections {
			a := told[r.Party]
			if a == nil {
				a = &account{at: now}
				told[r.Party] = a
			}
			a.level = max(0, a.level-tellRate*now.Sub(a.at).Seconds())
			a.at = now
			if a.level >= tellBurst {
				continue
			}
			a.level++
			data, err := json.Marshal(r.RejectedPlace)
			if err == nil {
				err = nc.Publish(events.SubjectRejections(r.Party), data)
			}
			if err != nil {
				l.log.Warn("a rejection was not announced", "party", r.Party, "leaf", r.Leaf, "error", err)
			}
		}
	}
}

func (l *Ledger) answer(ctx context.Context, m *nats.Msg) []byte {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	party, what, ok := splitReceiptSubject(m.Subject)
	if !ok || len(m.Data) > maxRequest {
		return refusal("want receipts.<party>.get or .head, and at most 256 KiB")
	}
	switch what {
	case "get":
		var q events.GetRequest
		if err := json.Unmarshal(m.Data, &q); err != nil || q.V != 1 || len(q.Bodies) > events.MaxPlaces {
			return refusal("the question is not one of version 1, or names more than 1,000 bodies")
		}
		if q.Incarnation > events.MaxSequence || q.From > events.MaxSequence {
			return refusal("a number is above 2^53-1")
		}
		return l.reply(l.state.where(ctx, party, q))
	case "head":
		var q events.HeadRequest
		if err := json.Unmarshal(m.Data, &q); err != nil || q.V != 1 {
			return refusal("the question is not one of version 1")
		}
		if len(q.Seen) > 0 {
			if err := l.Sighted(ctx, party, q.Seen); err != nil {
				l.log.Error("a party shows a checkpoint of this log", "party", party, "error", err)
			}
		}
		answer, err := l.state.partyHeads(ctx, party, q.After)
		if err == nil {
			answer.Size = l.Size()
		}
		return l.reply(answer, err)
	}
	return refusal("want receipts.<party>.get or .head")
}

// splitReceiptSubject takes receipts.<party>.<what> apart; a party may have two
// tokens.
func splitReceiptSubject(subject string) (party, what string, ok bool) {
	rest, ok := strings.CutPrefix(subject, "receipts.")
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 0 {
		return "", "", false
	}
	party, what = rest[:dot], rest[dot+1:]
	name := strings.TrimPrefix(party, "registry.")
	return party, what, events.ValidName(name)
}

func refusal(why string) []byte {
	b, _ := json.Marshal(struct {
		V     int    `json:"v"`
		Error string `json:"error"`
	}{1, why})
	return b
}

func (l *Ledger) reply(answer any, err error) []byte {
	if err == nil {
		var b []byte
		if b, err = json.Marshal(answer); err == nil {
			return b
		}
	}
	l.log.Error("a question for receipts could not be answered", "error", err)
	return refusal("the ledger could not look it up; ask again")
}

// announcePoll is how often a checkpoint that must come is looked for.
const announcePoll = 20 * time.Millisecond

// announce publishes every checkpoint that follows growth of the tree.
func (l *Ledger) announce(ctx context.Context, nc *nats.Conn) {
	var last []byte
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.grown:
		}
		for want := l.Size(); ; {
			note, err := l.Checkpoint(ctx)
			if err != nil && !errors.Is(err, os.ErrNotExist) && ctx.Err() == nil {
				l.log.Warn("the published checkpoint could not be read", "error", err)
			}
			if err == nil && !bytes.Equal(note, last) {
				if err := nc.Publish(events.SubjectCheckpoints, note); err != nil {
					l.log.Warn("a checkpoint was not announced", "error", err)
				}
				last = note
			}
			if size, ok := checkpointSize(note); ok && size >= want {
				break
			}
			if retry.Sleep(ctx, announcePoll) != nil {
				return
			}
		}
	}
}

// checkpointSize reads the size from a checkpoint that this ledger signed itself.
func checkpointSize(note []byte) (uint64, bool) {
	lines := bytes.SplitN(note, []byte("\n"), 3)
	if len(lines) < 3 {
		return 0, false
	}
	var size uint64
	_, err := fmt.Sscanf(string(lines[1]), "%d", &size)
	return size, err == nil
}
