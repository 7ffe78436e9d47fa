// Package memory stores the rows of views in memory, for tests.
//
// Queries go through all rows of a table.
//
// Not here: anything that survives the process.
package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/saksi-ledger/saksi/projections/store"
)

// Backend is a [store.Backend] whose rows end with it.
type Backend struct {
	mu       sync.Mutex // guards the below
	live     *generation
	waiting  *generation
	held     bool
	building bool
}

// New returns a Backend without rows.
func New() *Backend { return new(Backend) }

// String says memory.
func (b *Backend) String() string { return "memory" }

// Shared is false: nobody else sees the rows.
func (b *Backend) Shared() bool { return false }

// Acquire takes the right to write to the live generation.
func (b *Backend) Acquire(_ context.Context, layout store.Layout) (store.Holder, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held {
		return nil, fmt.Errorf("lock the views in memory: %w", store.ErrLocked)
	}
	b.held = true
	return &holder{backend: b, layout: layout}, nil
}

// Build begins a new generation.
func (b *Backend) Build(_ context.Context, layout store.Layout) (store.Build, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.building {
		return nil, fmt.Errorf("lock the building of views in memory: %w", store.ErrLocked)
	}
	b.building = true
	return &build{generation: newGeneration(layout), backend: b}, nil
}

// Waiting tells whether a generation was offered and is not live yet.
func (b *Backend) Waiting(context.Context) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting != nil, nil
}

// Reader reads the live generation.
func (b *Backend) Reader(layout store.Layout) store.Reader {
	return &reader{stamp: layout.Stamp, generation: func() *generation {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.live
	}}
}

type holder struct {
	backend *Backend
	layout  store.Layout
}

func (h *holder) Open(context.Context) (store.Writer, error) {
	b := h.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live == nil {
		b.live = newGeneration(h.layout)
	}
	if b.live.layout.Stamp != h.layout.Stamp {
		return nil, fmt.Errorf("open views in memory: %w", store.ErrOther)
	}
	return b.live, nil
}

func (h *holder) Adopt(context.Context) (bool, error) {
	b := h.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	next := b.waiting
	if next == nil {
		return false, nil
	}
	b.waiting = nil
	if next.layout.Stamp != h.layout.Stamp {
		return false, fmt.Errorf("%w: %w", store.ErrUnusable, store.ErrOther)
	}
	b.live = next
	return true, nil
}

func (h *holder) Remove(context.Context) error {
	h.backend.mu.Lock()
	defer h.backend.mu.Unlock()
	h.backend.live = nil
	return nil
}

func (h *holder) SetAside(ctx context.Context) (string, error) {
	return "nowhere: views in memory are not kept", h.Remove(ctx)
}

func (h *holder) Close() error {
	h.backend.mu.Lock()
	defer h.backend.mu.Unlock()
	h.backend.held = false
	return nil
}

// build is a generation that nobody sees until it is adopted.
type build struct {
	*generation
	backend  *Backend
	finished bool
}

func (b *build) Finish(context.Context) error {
	b.finished = true
	return nil
}

func (b *build) Reader() store.Reader {
	return &reader{stamp: b.layout.Stamp, generation: func() *generation { return b.generation }}
}

func (b *build) Offer(context.Context) error {
	if !b.finished {
		return errors.New("offer views in memory: they are not finished")
	}
	b.backend.mu.Lock()
	defer b.backend.mu.Unlock()
	b.backend.waiting = b.generation
	return nil
}

func (b *build) Close() error {
	b.backend.mu.Lock()
	defer b.backend.mu.Unlock()
	b.backend.building = false
	return nil
}

// reader reads whatever generation is live when Read is called.
type reader struct {
	stamp      string
	generation func() *generation
}

func (r *reader) Read(ctx context.Context, f func(store.Snapshot) error) error {
	g := r.generation()
	switch {
	case g == nil:
		return store.None("memory")
	case g.layout.Stamp != r.stamp:
		return store.Other(fmt.Errorf("read views in memory: %w", store.ErrOther))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(g.snapshot())
}

func (r *reader) Close() error { return nil }
