package bench

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// stallTime is how long the ledger may show no progress before a measure gives up.
const stallTime = 30 * time.Second

// pump publishes what spools hold until they are empty or until has come, and one message
// of each spool at least.
type pump struct {
	parties []*party
	spools  []*spool
	until   time.Time
	// wait, if set, is called before each message with its number among its
	// party's, and returns when it may go.
	wait func(ctx context.Context, party, k int) error

	published atomic.Int64
	bytes     atomic.Int64
}

// run publishes, each party on its own connection and in its own order, and
// returns when the stream has acknowledged everything.
func (p *pump) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range p.parties {
		group.Go(func() error {
			if err := p.publish(ctx, i); err != nil {
				return fmt.Errorf("publish as %s: %w", p.parties[i].name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

func (p *pump) publish(ctx context.Context, i int) error {
	party := p.parties[i]
	next, done, err := p.spools[i].open()
	if err != nil {
		return err
	}
	defer done()
	// One at least: there is something to measure, however short the time and busy the machine.
	for k := 0; k == 0 || time.Now().Before(p.until); k++ {
		body, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		m := &nats.Msg{Subject: party.recorders[k%len(party.recorders)].Subject(), Data: body, Header: nats.Header{}}
		digest := events.DigestOf(body)
		m.Header.Set(jetstream.MsgIDHeader, hex.EncodeToString(digest[:]))
		if p.wait != nil {
			if err := p.wait(ctx, i, k); err != nil {
				return err
			}
		}
		if _, err := party.js.PublishMsgAsync(m, jetstream.WithStallWait(stallTime)); err != nil {
			return err
		}
		p.published.Add(1)
		p.bytes.Add(int64(len(body)))
	}
	select {
	case <-party.js.PublishAsyncComplete():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch follows the checkpoints that the ledger announces.
type watch struct {
	log *formats.Log
	sub *nats.Subscription

	mu     sync.Mutex
	newest *formats.Checkpoint // without a note before the first is announced
	at     time.Time
	moved  chan struct{} // closed and replaced at each checkpoint
}

func newWatch(w *world) (*watch, error) {
	v := &watch{log: w.log, moved: make(chan struct{}), newest: &formats.Checkpoint{Size: w.size}}
	var err error
	nc := w.operators[0].nc
	if v.sub, err = nc.Subscribe(events.SubjectCheckpoints, func(m *nats.Msg) {
		checkpoint, err := v.log.OpenCheckpoint(m.Data)
		if err != nil {
			return // never ours to believe
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		if checkpoint.Size > v.newest.Size {
			v.newest, v.at = checkpoint, time.Now()
			close(v.moved)
			v.moved = make(chan struct{})
		}
	}); err != nil {
		return nil, err
	}
	return v, nc.Flush()
}

func (v *watch) look() (*formats.Checkpoint, time.Time, <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.newest, v.at, v.moved
}

// reach waits for a checkpoint of at least that size and returns when it came.
func (v *watch) reach(ctx context.Context, size uint64) (time.Time, error) {
	for {
		newest, at, moved := v.look()
		if newest.Size >= size {
			return at, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return at, ctx.Err()
		case <-time.After(stallTime):
			return at, fmt.Errorf("the ledger has stood at %d leaves for %s: %d were awaited", newest.Size, stallTime, size)
		}
	}
}
