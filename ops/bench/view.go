package bench

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/viewstore"
)

// view measures the time from when an envelope was due to be published to when a
// query finds its rows, at half the load that ingest bore.
func (r *run) view(ctx context.Context, eventsEach int) error {
	return r.latency(ctx, eventsEach, func(w *world) (seer, error) {
		store, err := viewstore.Open(ctx, w.home)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { store.Close() })
		return newGrowth(w, func(ctx context.Context) (uint64, error) {
			p, err := store.Position(ctx)
			return p.Size, err
		})
	})
}

// feed measures the same to when a subscriber of the feed of touches, with its own
// credentials, has the messages.
func (r *run) feed(ctx context.Context, eventsEach int) error {
	return r.latency(ctx, eventsEach, func(w *world) (seer, error) {
		var mu sync.Mutex
		var newest uint64
		err := w.subscribe(ctx, r.dir, func(m *nats.Msg) {
			leaf, err := strconv.ParseUint(m.Header.Get("Saksi-Leaf"), 10, 64)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			newest = max(newest, leaf+1)
		})
		if err != nil {
			return nil, err
		}
		return newGrowth(w, func(context.Context) (uint64, error) {
			mu.Lock()
			defer mu.Unlock()
			return newest, nil
		})
	})
}

// subscribe has a supervisor join and read the feed of touches.
func (w *world) subscribe(ctx context.Context, dir string, each nats.MsgHandler) error {
	h, err := home.NewReader(dir+"/desk", "desk")
	if err != nil {
		return err
	}
	request, err := home.ReadRequest(h.RequestFile())
	if err != nil {
		return err
	}
	readers, err := authority.OpenReadership(w.home)
	if err != nil {
		return err
	}
	grant, err := readers.Add(ctx, request, home.ReadingMandate{Role: home.Supervisor})
	if err != nil {
		return err
	}
	seed, err := h.ConnectionSeed()
	if err != nil {
		return err
	}
	nc, err := nats.Connect(grant.NATS, nats.UserJWTAndSeed(grant.User, string(seed)), nats.Name("saksi bench desk"))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, nc.Close)
	sub, err := nc.Subscribe("feeds.touches.>", each)
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	return nc.Flush()
}

// growthPoll is how often it is looked how far something has come.
const growthPoll = 5 * time.Millisecond

// growth sees a leaf when something that follows the tree has come beyond it.
type growth struct {
	size   func(context.Context) (uint64, error)
	reader *archive.Directory
	next   uint64
}

func newGrowth(w *world, size func(context.Context) (uint64, error)) (*growth, error) {
	reader, err := archive.OpenDirectory(w.home.LedgerDir(), w.log)
	return &growth{size: size, reader: reader, next: w.size}, err
}

func (g *growth) see(ctx context.Context) ([]*formats.Leaf, <-chan struct{}, error) {
	size, err := g.size(ctx)
	if err != nil {
		return nil, nil, err
	}
	if size <= g.next {
		moved := make(chan struct{})
		time.AfterFunc(growthPoll, func() { close(moved) })
		return nil, moved, nil
	}
	checkpoint, err := g.reader.Wait(ctx, size-1)
	if err != nil {
		return nil, nil, err
	}
	var leaves []*formats.Leaf
	for g.next < size {
		entries, err := g.reader.Leaves(ctx, checkpoint, g.next)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries[:min(uint64(len(entries)), size-g.next)] {
			leaves = append(leaves, e.Leaf)
		}
		g.next += min(uint64(len(entries)), size-g.next)
	}
	return leaves, nil, nil
}
