package api

import (
	"context"
	"sync"
	"time"
)

const (
	// maxStreams bounds streams of all readers, and maxOwn those of one.
	maxStreams = 128
	maxOwn     = 16
	// growthPoll is how often it is looked whether views have moved, while anybody
	// streams.
	growthPoll = 50 * time.Millisecond
)

// streams counts those who stream, and wakes them when views have moved: one look
// at the store for all of them.
type streams struct {
	store Store

	mu    sync.Mutex
	count int
	own   map[string]int
	woken chan struct{} // closed at the next move
	stop  context.CancelFunc
}

func newStreams(store Store) *streams {
	return &streams{store: store, own: map[string]int{}, woken: make(chan struct{})}
}

// enter takes a place, if there is one, until leave is called.
func (s *streams) enter(reader string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count >= maxStreams || s.own[reader] >= maxOwn {
		return nil, false
	}
	s.count++
	s.own[reader]++
	if s.count == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		s.stop = cancel
		go s.watch(ctx)
	}
	return func() { s.leave(reader) }, true
}

func (s *streams) leave(reader string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count--
	if s.own[reader]--; s.own[reader] == 0 {
		delete(s.own, reader)
	}
	if s.count == 0 {
		s.stop()
	}
}

// next returns a channel that is closed when views move after this call.
func (s *streams) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.woken
}

// watch wakes all at each move. That it wakes them once at the start too does no harm.
func (s *streams) watch(ctx context.Context) {
	ticker := time.NewTicker(growthPoll)
	defer ticker.Stop()
	seen := ^uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		position, err := s.store.Position(ctx)
		if err != nil || position.Size == seen { // an error, each stream meets itself
			continue
		}
		seen = position.Size
		s.mu.Lock()
		close(s.woken)
		s.woken = make(chan struct{})
		s.mu.Unlock()
	}
}
