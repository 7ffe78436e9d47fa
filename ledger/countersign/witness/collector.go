package witness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/retry"
	"github.com/saksi-ledger/saksi/ledger/tiles"
)

// Config says whose cosignatures a [Collector] asks for.
type Config struct {
	// Dir is [DirName] in the ledger's directory. It is made if need be.
	Dir    string
	Policy *formats.Policy
	Log    *formats.Log
	Reader ledger.Reader
	// Record adds what a quorum has cosigned to the ledger as a leaf:
	// [writer.Ledger.RecordCosigned]. An error that wraps [ledger.ErrFatal] ends Run.
	Record func(context.Context, events.CheckpointCosigned) error
	// Interval is the time between two rounds, at the least; half a minute if 0.
	Interval time.Duration
	// Timeout bounds one request; half a minute if 0. A round without a quorum ends
	// after twice that, and the next one takes the newest checkpoint.
	Timeout time.Duration
	Client  *http.Client // http.DefaultClient if nil
	Logger  *slog.Logger
	// Now is the clock of Status; the system's if nil.
	Now func() time.Time
}

const (
	defaultInterval = 30 * time.Second
	defaultTimeout  = 30 * time.Second
	firstRetry      = time.Second
	mostRetry       = time.Minute
)

// Collector has a ledger's checkpoints cosigned, in rounds: each offers the newest to
// all witnesses, so that those that are slow cosign the same one. Each witness has one
// request at a time; one that is still busy with an earlier round finishes that, which
// counts for the earlier checkpoint.
type Collector struct {
	config Config
	store  *Store
	cache  *tiles.Cache
	lines  []*worker

	mu     sync.Mutex
	round  *round
	begun  chan struct{} // closed when a round begins
	status Status
}

// round is a checkpoint that is offered to the witnesses.
type round struct {
	checkpoint *formats.Checkpoint
	plain      []byte // the note by the log alone
	number     uint64
	quorum     chan struct{} // closed when a quorum has cosigned it
	reached    bool          // of the collector's lock
}

// New checks a configuration.
func New(config Config) (*Collector, error) {
	if config.Policy == nil || config.Log == nil || config.Reader == nil || config.Record == nil || config.Dir == "" {
		return nil, errors.New("cosigning: it needs Dir, Policy, Log, Reader and Record")
	}
	if len(config.Policy.Logs) > 0 && !slices.Contains(config.Policy.Logs, config.Log.Key()) {
		return nil, fmt.Errorf("cosigning: the policy is for other logs than %s", config.Log.Key())
	}
	if config.Interval <= 0 {
		config.Interval = defaultInterval
	}
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	if config.Client == nil {
		config.Client = http.DefaultClient
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	c := &Collector{config: config, store: OpenStore(config.Dir), cache: tiles.New(config.Reader), begun: make(chan struct{})}
	c.status = Status{Quorum: config.Policy.Quorum(), Witnesses: make([]WitnessStatus, len(config.Policy.Witnesses))}
	before, err := ReadStatus(config.Dir)
	if err != nil {
		config.Logger.Warn("what is known of the witnesses can't be read, and is asked anew", "error", err)
	}
	for i, w := range config.Policy.Witnesses {
		s := &c.status.Witnesses[i]
		*s = WitnessStatus{Name: w.Name, Key: w.Key.Key(), URL: w.URL}
		if before != nil {
			for _, b := range before.Witnesses {
				if b.Key == s.Key {
					s.Size, s.Time, s.At = b.Size, b.Time, b.At
				}
			}
		}
		if w.URL == "" {
			continue
		}
		client, err := newClient(w, config.Client)
		if err != nil {
			return nil, fmt.Errorf("cosigning: %w", err)
		}
		client.size = s.Size
		c.lines = append(c.lines, &worker{c: c, client: client, status: s, log: config.Logger.With("witness", w.Name)})
	}
	// What was cosigned by another policy is not by this one: its witnesses are asked at once.
	if before != nil && c.cosigned(before.Size) {
		c.status.Size, c.status.Time = before.Size, before.Time
	}
	return c, nil
}

// cosigned reports whether a quorum of this policy has cosigned the checkpoint of a size.
func (c *Collector) cosigned(size uint64) bool {
	note, _, err := c.store.Read(size)
	if err != nil {
		return false
	}
	_, quorum, err := c.config.Policy.Cosigned(note)
	return err == nil && quorum
}

// Status returns how far each witness has come. It is safe for concurrent use.
func (c *Collector) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	s.Witnesses = slices.Clone(s.Witnesses)
	return s
}

// Run collects cosignatures until ctx ends, and then returns its error; before that
// only if the ledger failed. It is called once.
func (c *Collector) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range c.lines {
		group.Go(func() error { return l.run(ctx) })
	}
	group.Go(func() error { return c.rounds(ctx) })
	return group.Wait()
}

// rounds begins one when there is something to cosign and it may.
func (c *Collector) rounds(ctx context.Context) error {
	looked := c.Status().Size
	// What was cosigned when the last process ended may have no leaf as yet. Where it
	// has, that is said twice, and no harm.
	for number := uint64(1); ; number++ {
		since, err := countersign.Pending(ctx, c.config.Reader, &looked)
		if err == nil {
			c.setStatus(func(s *Status) {
				if s.Waiting.IsZero() {
					s.Waiting = since
				}
			})
			var r *round
			if r, err = c.begin(ctx, number); err == nil {
				began := c.config.Now()
				if err = c.await(ctx, r); err == nil {
					looked = max(looked, r.checkpoint.Size)
					err = retry.Sleep(ctx, c.config.Interval-c.config.Now().Sub(began))
				} else if errors.Is(err, errNoQuorum) {
					c.config.Logger.Warn("no quorum of witnesses has cosigned a checkpoint", "size", r.checkpoint.Size, "quorum", c.config.Policy.Quorum())
					continue // it has waited already
				}
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ledger.ErrFatal):
			return fmt.Errorf("record what is cosigned: %w", err)
		case err != nil:
			c.config.Logger.Warn("cosigning was interrupted and goes on", "error", err)
			if err := retry.Sleep(ctx, firstRetry); err != nil {
				return err
			}
		}
	}
}

// begin offers the newest checkpoint to the witnesses.
func (c *Collector) begin(ctx context.Context, number uint64) (*round, error) {
	checkpoint, err := c.config.Reader.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := countersign.Plain(c.config.Log, checkpoint)
	if err != nil {
		return nil, err
	}
	r := &round{checkpoint: checkpoint, plain: plain, number: number, quorum: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.round = r
	close(c.begun)
	c.begun = make(chan struct{})
	// What a witness has cosigned of it before counts.
	if kept, quorum, err := c.store.Read(checkpoint.Size); err == nil && quorum {
		if _, quorum, err = c.config.Policy.Cosigned(kept); err == nil && quorum {
			r.reached = true
			close(r.quorum)
		}
	}
	return r, nil
}

var errNoQuorum = errors.New("there was no quorum in time")

// await waits for a quorum, and records it.
func (c *Collector) await(ctx context.Context, r *round) error {
	end := time.NewTimer(2 * c.config.Timeout)
	defer end.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-end.C:
		return errNoQuorum
	case <-r.quorum:
	}
	note, _, err := c.store.Read(r.checkpoint.Size)
	if err != nil {
		return err
	}
	signed, _, err := c.config.Policy.Cosigned(note)
	if err != nil {
		return err
	}
	if err := c.config.Record(ctx, formats.RecordCosignatures(r.checkpoint, signed)); err != nil {
		return err
	}
	now := c.config.Now()
	c.setStatus(func(s *Status) { s.Size, s.Time, s.Waiting = r.checkpoint.Size, now, time.Time{} })
	return nil
}

// next returns the newest round that is later than number.
func (c *Collector) next(ctx context.Context, number uint64) (*round, error) {
	for {
		c.mu.Lock()
		r, begun := c.round, c.begun
		c.mu.Unlock()
		if r != nil && r.number > number {
			return r, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-begun:
		}
	}
}

// took keeps a cosignature, and ends the round if a quorum is there.
func (c *Collector) took(r *round, s *formats.Cosignature) error {
	_, quorum, err := c.store.add(c.config.Policy, r.checkpoint.Size, r.plain, s.Line)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if quorum && !r.reached {
		r.reached = true
		close(r.quorum)
	}
	return nil
}

// setStatus changes the status, and writes it.
func (c *Collector) setStatus(change func(*Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.status)
	if err := countersign.WriteStatus(filepath.Join(c.config.Dir, statusFile), c.status); err != nil {
		c.config.Logger.Warn("the status of the witnesses is not kept", "error", err)
	}
}

// worker is the way to one witness.
type worker struct {
	c      *Collector
	client *client
	log    *slog.Logger
	status *WitnessStatus // of the collector's lock
}

// run cosigns round after round, each once. A round that fails is tried again until
// there is a newer one.
func (l *worker) run(ctx context.Context) error {
	done := uint64(0)
	for failures := 0; ; {
		r, err := l.c.next(ctx, done)
		if err != nil {
			return err
		}
		if err = l.cosign(ctx, r); err == nil {
			done, failures = r.number, 0
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failures++
		l.failed(failures, err)
		if err := retry.Sleep(ctx, retry.Backoff{First: firstRetry, Most: mostRetry}.After(failures)); err != nil {
			return err
		}
	}
}

func (l *worker) cosign(ctx context.Context, r *round) error {
	ctx, cancel := context.WithTimeout(ctx, l.c.config.Timeout)
	defer cancel()
	hashes := l.c.cache.Tree(ctx, r.checkpoint.Tree())
	signed, err := l.client.cosign(ctx, r.checkpoint, r.plain, func(old uint64) (tlog.TreeProof, error) {
		proof, err := tlog.ProveTree(int64(r.checkpoint.Size), int64(old), hashes)
		if err != nil {
			return nil, fmt.Errorf("prove that the tree of %d leaves continues that of %d: %w", r.checkpoint.Size, old, err)
		}
		return proof, nil
	})
	if err != nil {
		return err
	}
	if err := l.c.took(r, signed); err != nil {
		return err
	}
	now := l.c.config.Now()
	l.c.setStatus(func(*Status) {
		*l.status = WitnessStatus{
			Name: l.status.Name, Key: l.status.Key, URL: l.status.URL,
			Size: max(l.status.Size, r.checkpoint.Size), Time: signed.Time, At: now,
		}
	})
	return nil
}

// failed reports a failure. One that is of the tree is said louder.
func (l *worker) failed(n int, err error) {
	contradicts := errors.Is(err, errContradicts)
	level := slog.LevelWarn
	if contradicts {
		level = slog.LevelError
	}
	if contradicts || retry.WorthLogging(n) {
		l.log.Log(context.Background(), level, "a checkpoint was not cosigned and is offered again", "error", err, "failures", n)
	}
	now := l.c.config.Now()
	l.c.setStatus(func(*Status) {
		s := l.status
		s.Failures, s.Error, s.FailedAt, s.Contradicts = n, err.Error(), now, contradicts
	})
}
