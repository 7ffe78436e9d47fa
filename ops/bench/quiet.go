package bench

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
)

// quietly is a quiet operator's account: when each envelope was due, and when it had
// its receipt.
type quietly struct {
	at, got []time.Time
	places  map[events.Digest]int // by manifest
}

func (q *quietly) count() (n int) {
	for _, at := range q.got {
		if !at.IsZero() {
			n++
		}
	}
	return n
}

// between returns the latencies of those due from one to another.
func (q *quietly) between(from, to int) Latency {
	var all durations
	for k := from; k < to; k++ {
		if !q.got[k].IsZero() {
			all = append(all, q.got[k].Sub(q.at[k]))
		}
	}
	if len(all) == 0 {
		return Latency{}
	}
	return Latency{P50: all.quantile(0.5), P99: all.quantile(0.99), Worst: slices.Max(all), N: len(all)}
}

// publishQuietly publishes what a spool holds, so many a second whatever becomes of
// them, and asks for their leaves at each checkpoint, as an outbox does. An envelope
// has its receipt when its leaf is under a checkpoint with a good signature. before is
// called when an envelope is due. It returns when all have their receipts, or nothing
// came for long.
func (r *run) publishQuietly(ctx context.Context, w *world, p *party, s *spool, before func(k int)) (*quietly, error) {
	q := &quietly{at: make([]time.Time, s.n), got: make([]time.Time, s.n), places: map[events.Digest]int{}}
	bodies := make([][]byte, s.n)
	next, done, err := s.open()
	if err != nil {
		return nil, err
	}
	for k := range bodies {
		if bodies[k], err = next(); err != nil {
			return nil, err
		}
		envelope, err := events.ParseEnvelope(bodies[k])
		if err != nil {
			return nil, err
		}
		q.places[envelope.ManifestDigest()] = k
	}
	if err := done(); err != nil {
		return nil, err
	}
	checkpoints := make(chan uint64, 1024)
	sub, err := p.nc.Subscribe(events.SubjectCheckpoints, func(m *nats.Msg) {
		if c, err := w.log.OpenCheckpoint(m.Data); err == nil {
			select {
			case checkpoints <- c.Size:
			default: // a later one covers it
			}
		}
	})
	if err != nil {
		return nil, err
	}
	defer sub.Unsubscribe()
	if err := p.nc.Flush(); err != nil {
		return nil, err
	}
	began := time.Now()
	for k := range q.at {
		q.at[k] = began.Add(time.Duration(k) * time.Second / quietRate)
	}
	go func() {
		for k := range q.at {
			time.Sleep(time.Until(q.at[k]))
			before(k)
			digest := events.DigestOf(bodies[k])
			m := &nats.Msg{Subject: p.recorders[k%len(p.recorders)].Subject(), Data: bodies[k], Header: nats.Header{}}
			m.Header.Set(jetstream.MsgIDHeader, hex.EncodeToString(digest[:]))
			go p.insist(ctx, m)
		}
	}()
	from := make([]uint64, len(p.recorders))
	for left := s.n; left > 0; {
		select {
		case size := <-checkpoints:
			now := time.Now()
			for i := range p.recorders {
				n, err := q.ask(ctx, p, i, from, size, now)
				if err != nil {
					return nil, err
				}
				left -= n
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(stallTime):
			return q, fmt.Errorf("of %d envelopes of %s %d have no receipt, and nothing has moved for %s", s.n, p.name, left, stallTime)
		}
	}
	return q, nil
}

// insist publishes until the stream has it: what a broker drops because it is flooded
// it says, and an outbox sends it again.
func (p *party) insist(ctx context.Context, m *nats.Msg) {
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := p.js.PublishMsg(try, m)
		cancel()
		if err == nil {
			return
		}
		time.Sleep(comeBack)
	}
}

// ask asks where a recorder's envelopes are, and notes those under a checkpoint of
// that size. from is how many of each recorder are noted, without a gap.
func (q *quietly) ask(ctx context.Context, p *party, i int, from []uint64, size uint64, now time.Time) (n int, err error) {
	question, err := json.Marshal(events.GetRequest{V: 1, Recorder: p.recorders[i].String(), Incarnation: 1, From: from[i] + 1})
	if err != nil {
		return 0, err
	}
	asking, cancel := context.WithTimeout(ctx, stallTime)
	defer cancel()
	m, err := p.nc.RequestWithContext(asking, events.SubjectReceiptsGet(p.name), question)
	if err != nil {
		return 0, fmt.Errorf("ask for receipts as %s: %w", p.name, err)
	}
	var answer events.GetResponse
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return 0, err
	}
	if answer.Error != "" {
		return 0, fmt.Errorf("ask for receipts as %s: %s", p.name, answer.Error)
	}
	for _, place := range answer.Accepted {
		k, ours := q.places[place.Manifest]
		if !ours || place.Leaf >= size {
			continue
		}
		if q.got[k].IsZero() {
			q.got[k] = now
			n++
		}
	}
	// Those that had to be sent again come behind their successors.
	for k := int(from[i])*len(p.recorders) + i; k < len(q.got) && !q.got[k].IsZero(); k += len(p.recorders) {
		from[i]++
	}
	return n, nil
}
