package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/projections/store"
)

// Position is how far the views of an engine have come.
type Position struct {
	Size uint64    // leaves seen
	Root tlog.Hash // of the tree of that size
	Now  time.Time // the latest time received of those leaves
	// WithoutBody counts the leaves whose body was not to be had.
	WithoutBody uint64
}

// Options are an engine's. The zero value is good.
type Options struct {
	// Log is where the engine tells of its work; slog.Default if nil.
	Log *slog.Logger
}

// Engine shows leaves to views and keeps their rows. One engine writes to a backend at a
// time. Rows and position are committed together; a power cut may take back the last
// commits, which are then made again from the ledger. Position, NextDue and Wait may be
// called from any goroutine, the others from one at a time.
type Engine struct {
	backend store.Backend
	catalog *catalog
	decoder *decoder
	log     *slog.Logger
	holder  store.Holder // nil for a generation that is being built
	bulk    bool
	cached  int // see mostCached

	db       store.Writer
	shows    []*viewRunner
	frontier *frontier
	stale    bool // what is in memory is not what is in the database
	retried  int  // commits that failed since the last that didn't
	progress func(done, total uint64)
	total    uint64 // for progress

	mu       sync.Mutex // guards the below
	position Position
	due      time.Time     // of the first timer
	moved    chan struct{} // closed when position changes
}

// OpenEngine opens the live generation of a backend for writing, and makes it if it isn't
// there. One made by views of another version, or with other columns, is made anew, and
// the log says so.
func OpenEngine(ctx context.Context, backend store.Backend, views []*View, options Options) (*Engine, error) {
	e, err := newEngine(backend, views, options.Log)
	if err != nil {
		return nil, err
	}
	if e.holder, err = backend.Acquire(ctx, e.catalog.layout); err != nil {
		return nil, fmt.Errorf("open views for writing: %w", err)
	}
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(err, e.holder.Close())
	}
	return e, nil
}

func newEngine(backend store.Backend, views []*View, log *slog.Logger) (*Engine, error) {
	c, err := newCatalog(views)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.Default()
	}
	return &Engine{backend: backend, catalog: c, decoder: newDecoder(views), log: log, cached: mostCached, moved: make(chan struct{})}, nil
}

// ErrDamaged is wrapped by errors of views whose database is damaged. An engine makes
// it anew from the ledger.
var ErrDamaged = store.ErrDamaged

// start opens the live generation. One of other views is removed, and one that is
// damaged set aside; either is made anew.
func (e *Engine) start(ctx context.Context) error {
	if err := e.adopt(ctx); err != nil {
		return err
	}
	err := e.load(ctx)
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	if err := e.setAside(ctx, err); err != nil {
		return err
	}
	return e.load(ctx)
}

// setAside takes a damaged generation, which must be closed, out of the way.
func (e *Engine) setAside(ctx context.Context, why error) error {
	aside, err := e.holder.SetAside(ctx)
	if err != nil {
		return err
	}
	e.log.Error("the views were damaged: they were set aside, and are made again from the ledger", "error", why, "aside", aside)
	return nil
}

// load opens the live generation and reads what is in it.
func (e *Engine) load(ctx context.Context) error {
	db, err := e.holder.Open(ctx)
	if errors.Is(err, store.ErrOther) {
		e.log.Warn("the views are of another version than this program's: making them again from the ledger", "views", e.backend)
		if err := e.holder.Remove(ctx); err != nil {
			return fmt.Errorf("make the views anew: %w", err)
		}
		db, err = e.holder.Open(ctx)
	}
	if err != nil {
		return err
	}
	e.db = db
	if err := e.restore(ctx); err != nil {
		err = errors.Join(err, e.db.Close())
		e.db = nil
		return err
	}
	return nil
}

// restore makes what is in memory what is in the database.
func (e *Engine) restore(ctx context.Context) error {
	p, err := e.db.Position(ctx)
	if err != nil {
		return err
	}
	f, err := parseFrontier(p.Size, p.Frontier)
	if err == nil && p.Size > 0 && f.root() != p.Root {
		err = errors.New("its hashes don't give its root")
	}
	if err != nil {
		return fmt.Errorf("%w: the position of the views in %s: %w", ErrDamaged, e.backend, err)
	}
	shows := make([]*viewRunner, len(e.catalog.views))
	byView := map[string]*viewRunner{}
	for i, v := range e.catalog.views {
		s := &viewRunner{view: v, tx: &Tx{ctx: ctx, now: p.Now, tables: map[*schema]*rows{}, states: map[*schema]*values{}, timers: newTimers()}}
		for _, t := range v.Tables {
			sch := t.schema()
			if sch.isState() {
				place := e.catalog.states[sch]
				s.tx.states[sch] = &values{name: sch.name, place: place, db: e.db, most: e.cached, cache: map[string]*value{}, complete: p.Size == 0}
				s.values = append(s.values, s.tx.states[sch])
				continue
			}
			r, err := newRows(ctx, sch, e.catalog.tables[sch], e.db, e.cached)
			if err != nil {
				return err
			}
			s.tx.tables[sch] = r
			s.rows = append(s.rows, r)
		}
		shows[i], byView[v.Name] = s, s
	}
	timers, err := e.db.Timers(ctx)
	if err != nil {
		return err
	}
	for _, t := range timers {
		if s := byView[t.View]; s != nil {
			s.tx.timers.due[t.Key] = t.Due
			s.tx.timers.push(timer{t.Due, t.Key})
		}
	}
	e.shows, e.frontier, e.stale = shows, f, false
	root := tlog.Hash(p.Root)
	if p.Size == 0 {
		root = emptyRoot()
	}
	e.setPosition(Position{Size: p.Size, Root: root, Now: p.Now, WithoutBody: p.WithoutBody})
	return nil
}

// setPosition tells what was committed.
func (e *Engine) setPosition(p Position) {
	var first time.Time
	for _, s := range e.shows {
		if due := s.tx.timers.first(); first.IsZero() || !due.IsZero() && due.Before(first) {
			first = due
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.due = first
	if p != e.position {
		e.position = p
		close(e.moved)
		e.moved = make(chan struct{})
	}
}

// Close releases the database. It must not be called while Run or RunTo is running.
func (e *Engine) Close() error {
	var err error
	if e.db != nil {
		err = e.db.Close()
	}
	if e.holder != nil {
		err = errors.Join(err, e.holder.Close())
	}
	return err
}

// Position returns how far the views have come, as committed.
func (e *Engine) Position() Position {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.position
}

// NextDue returns when the first of all views' timers falls due, zero if none is set.
// Where that is past, it fires with the next leaf.
func (e *Engine) NextDue() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.due
}

// Wait returns when the views have seen size leaves, or with the context's error.
func (e *Engine) Wait(ctx context.Context, size uint64) error {
	for {
		e.mu.Lock()
		there, moved := e.position.Size >= size, e.moved
		e.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errCommit is wrapped by errors after which it isn't known what was written.
var errCommit = errors.New("the database failed")

// Apply shows facts to the views and commits what follows from them, all or
// nothing. The first must be the leaf after the engine's position; Now is set here.
// Run and RunTo do this with a ledger's leaves; tests of views may with facts of
// their own.
func (e *Engine) Apply(ctx context.Context, facts []*Fact) error {
	if e.stale {
		if err := e.restore(ctx); err != nil {
			return fmt.Errorf("%w: %w", errCommit, err)
		}
	}
	if len(facts) == 0 {
		return nil
	}
	p := e.Position()
	batch := &store.Batch{First: p.Size, Nows: make([]time.Time, len(facts))}
	frontier := e.frontier.clone()
	for i, f := range facts {
		if f.Index != p.Size {
			return fmt.Errorf("show leaf %d: the views have seen %d", f.Index, p.Size)
		}
		if f.Leaf.Received.After(p.Now) {
			p.Now = f.Leaf.Received.UTC()
		}
		if f.hash == (tlog.Hash{}) { // made by hand
			f.hash = tlog.RecordHash(f.Leaf.Marshal())
		}
		if f.NoBody {
			p.WithoutBody++
		}
		f.Now, batch.Nows[i] = p.Now, p.Now
		frontier.add(f.hash)
		p.Size++
	}
	p.Root = frontier.root()
	e.stale = true // until it is committed
	var group errgroup.Group
	for _, s := range e.shows {
		group.Go(func() error { return s.all(ctx, facts) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	batch.Position = store.Position{Size: p.Size, Root: p.Root, Now: p.Now, WithoutBody: p.WithoutBody, Frontier: frontier.marshal()}
	batch.Tables = make([]store.Versions, len(e.catalog.layout.Tables))
	batch.States = make([][]store.Value, len(e.catalog.layout.States))
	for _, s := range e.shows {
		for _, r := range s.rows {
			batch.Tables[r.place] = r.write()
		}
		for _, v := range s.values {
			batch.States[v.place] = v.write()
		}
		batch.Timers = s.tx.timers.write(batch.Timers, s.view.Name)
	}
	if err := e.db.Commit(context.WithoutCancel(ctx), batch); err != nil {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	for _, s := range e.shows {
		s.committed()
	}
	e.frontier, e.stale = frontier, false
	e.setPosition(p)
	return nil
}
