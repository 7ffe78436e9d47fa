package client

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// maxAsking is how many recorders are asked about at the same time.
const maxAsking = 8

// answer is what the ledger says about a lane.
type answer struct {
	// stand is where it stood when it began to answer: what it had dealt with by
	// then is in the rest of the answer.
	stand    position
	accepted map[events.Digest]events.AcceptedPlace // by manifest
	rejected map[events.Digest]events.RejectedPlace // by body, of those asked for
}

// askOld asks about envelopes that a flush before this one may have sent. If
// there is no answer they are sent again, which costs a duplicate at worst.
func (f *flush) askOld(ctx context.Context, s *session) error {
	var queues []*recorderQueue
	for _, l := range f.queues {
		if slices.ContainsFunc(l.items, func(it *item) bool { return it.old && !it.asked }) {
			queues = append(queues, l)
		}
	}
	if len(queues) == 0 || !f.compared {
		return nil
	}
	err := f.askAll(ctx, s, queues)
	for _, l := range queues {
		for _, it := range l.items {
			it.asked = true
		}
	}
	return err
}

// askAll asks about queues and takes in the answers. That there is none is not an
// error.
func (f *flush) askAll(ctx context.Context, s *session, queues []*recorderQueue) error {
	answers := make([]*answer, len(queues))
	errs := make([]error, len(queues))
	slots := make(chan struct{}, maxAsking)
	var wg sync.WaitGroup
	for i, l := range queues {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			answers[i], errs[i] = f.ask(ctx, s, l)
		})
	}
	wg.Wait()
	for i, l := range queues {
		switch err := errs[i]; {
		case err == nil:
			f.take(l, answers[i])
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case permanent(err):
			return err
		default:
			f.unreachable(err)
		}
	}
	return nil
}

// ask only reads f and l.
func (f *flush) ask(ctx context.Context, s *session, l *recorderQueue) (*answer, error) {
	open := l.open()
	a := &answer{accepted: map[events.Digest]events.AcceptedPlace{}, rejected: map[events.Digest]events.RejectedPlace{}}
	if len(open) == 0 {
		return a, nil
	}
	party := f.client.config.Party
	q := events.GetRequest{Recorder: l.recorder.String(), Incarnation: l.incarnation, From: open[0].first}
	for last := open[len(open)-1].first; ; {
		r, err := s.get(ctx, party, q)
		if err != nil {
			return nil, err
		}
		if a.stand.epoch == 0 {
			a.stand = position{epoch: r.Epoch, seq: r.Seq}
		}
		for _, place := range r.Accepted {
			if _, ok := a.accepted[place.Manifest]; !ok {
				a.accepted[place.Manifest] = place
			}
		}
		if !r.More || len(r.Accepted) == 0 {
			break
		}
		// Several leaves may have the same first number, and the page may end
		// between them.
		next := r.Accepted[len(r.Accepted)-1].First
		if next <= q.From {
			next = q.From + 1
		}
		if q.From = next; q.From > last {
			break
		}
	}
	var bodies []events.Digest
	for _, it := range open {
		if _, ok := a.accepted[it.manifest]; !ok && (f.dealtWith(a.stand, it) || it.old && !it.asked) {
			bodies = append(bodies, it.whole)
		}
	}
	for some := range slices.Chunk(bodies, events.MaxPlaces) {
		r, err := s.get(ctx, party, events.GetRequest{Recorder: q.Recorder, Incarnation: l.incarnation, From: events.MaxSequence, Bodies: some})
		if err != nil {
			return nil, err
		}
		for _, place := range r.Rejected {
			a.rejected[place.Body] = place
		}
	}
	return a, nil
}

// dealtWith reports whether a ledger that stands at stand must have dealt with
// it, had the stream kept it.
func (f *flush) dealtWith(stand position, it *item) bool {
	switch {
	case !it.sent:
		return false
	case !f.moved.IsZero() && time.Since(f.moved) > standstill:
		return true
	case it.at.guessed:
		// If the guess was wrong it may never come to that position.
		return stand.seq >= it.at.seq || !f.ledgerSince.IsZero() && time.Since(f.ledgerSince) > guessLife
	}
	return stand.reached(it.at)
}

// take believes, until the tree says otherwise, an answer about l.
func (f *flush) take(l *recorderQueue, a *answer) {
	f.offline = nil
	if a.stand.epoch == 0 {
		return // there was nothing to ask
	}
	if f.ledgerSince.IsZero() {
		f.ledgerSince = time.Now()
	}
	if !f.ledger.reached(a.stand) {
		f.ledger = a.stand
		f.moved = time.Now()
	}
	lost := uint64(0)
	for _, it := range l.open() {
		if place, ok := a.accepted[it.manifest]; ok && place.First == it.first {
			it.put(place.Leaf, "", "")
			continue
		}
		dealt := f.dealtWith(a.stand, it)
		if place, ok := a.rejected[it.whole]; ok && place.Code != "" {
			// The rejection from before it was requeued counts only if it was sent
			// again since, and what came of that has no place of its own.
			if it.refused == nil || place.Leaf > *it.refused || dealt {
				it.put(place.Leaf, place.Code, place.Reason)
				continue
			}
		}
		if dealt && lost == 0 && len(it.doubted) == 0 {
			lost = it.first
		}
	}
	if lost > 0 {
		f.result.Lost += l.lost(lost, time.Now())
	}
}

// put notes where the ledger says it is, unless that was found untrue before.
func (it *item) put(leaf uint64, code, reason string) {
	if slices.Contains(it.doubted, leaf) {
		return
	}
	it.placed, it.leaf, it.code, it.reason = true, leaf, code, reason
}

// takeRejections takes in what was announced.
func (f *flush) takeRejections(places map[events.Digest]events.RejectedPlace) {
	if len(places) == 0 {
		return
	}
	for _, l := range f.queues {
		for _, it := range l.items {
			place, ok := places[it.whole]
			switch {
			case !ok || place.Code == "" || it.refused != nil && place.Leaf <= *it.refused:
			case !it.placed:
				it.put(place.Leaf, place.Code, place.Reason)
			case it.leaf == place.Leaf && it.reason == "":
				it.reason = place.Reason
			}
		}
	}
}
