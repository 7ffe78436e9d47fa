package timestamp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// Config says whom a [Stamper] asks.
type Config struct {
	// Dir is [DirName] in the ledger's directory. It is made if need be.
	Dir         string
	Authorities []Authority
	Log         *verify.Log
	// Reader reads the ledger, with bodies.
	Reader ledger.Reader
	// Record adds the timestamp to the ledger as a leaf: [ledger.Ledger.RecordTimestamp].
	// An error that wraps [ledger.ErrFatal] ends Run, others are tried again.
	Record func(context.Context, events.TimestampRecorded) error
	// Interval is the time between two timestamps of the same authority, at the least;
	// ten minutes if 0. After a failure it is asked again sooner at first, and then not
	// less often than every Interval.
	Interval time.Duration
	// Timeout bounds one request; half a minute if 0.
	Timeout time.Duration
	Logger  *slog.Logger
	// Now is the clock of Status; the system's if nil.
	Now func() time.Time
}

const (
	defaultInterval = 10 * time.Minute
	defaultTimeout  = 30 * time.Second
	firstRetry      = time.Second
)

// Stamper has a ledger's checkpoints timestamped, by each authority independently of
// the others.
type Stamper struct {
	config Config
	lines  []*line
}

// New checks a configuration.
func New(config Config) (*Stamper, error) {
	if config.Log == nil || config.Reader == nil || config.Record == nil || config.Dir == "" {
		return nil, errors.New("timestamps: they need Dir, Log, Reader and Record")
	}
	if config.Interval <= 0 {
		config.Interval = defaultInterval
	}
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Stamper{config: config}
	names := map[string]bool{}
	for _, a := range config.Authorities {
		if err := a.check(); err != nil {
			return nil, err
		}
		if names[a.Trusted.Name] {
			return nil, fmt.Errorf("there are two timestamp authorities named %s", a.Trusted.Name)
		}
		names[a.Trusted.Name] = true
		s.lines = append(s.lines, &line{
			config: &s.config, authority: a, store: store{filepath.Join(config.Dir, a.Trusted.Name)}, client: newHTTPClient(),
			log:    config.Logger.With("authority", a.Trusted.Name),
			status: Status{Authority: a.Trusted.Name, URL: a.URL, Every: config.Interval},
		})
	}
	return s, nil
}

// Run asks until ctx ends, and then returns its error; before that only if the ledger
// failed. It is called once.
func (s *Stamper) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range s.lines {
		group.Go(func() error { return l.run(ctx) })
	}
	group.Go(func() error { // with no authority too
		<-ctx.Done()
		return ctx.Err()
	})
	return group.Wait()
}

// Status returns how far each authority has come, in the order of the configuration.
// It is safe for concurrent use.
func (s *Stamper) Status() []Status {
	all := make([]Status, len(s.lines))
	for i, l := range s.lines {
		l.mu.Lock()
		all[i] = l.status
		l.mu.Unlock()
	}
	return all
}

// line is the way to one authority. The next timestamp is asked for when the last is
// kept and recorded, so that of those kept only the newest can be without its leaf.
type line struct {
	config    *Config
	authority Authority
	store     store
	client    *http.Client
	log       *slog.Logger

	// Of run's goroutine:
	begun    bool
	looked   uint64  // leaves below have a timestamp or are the ledger's own
	verified *stored // and not yet kept
	kept     *stored // and not yet known to be recorded
	next     time.Time

	mu     sync.Mutex
	status Status
}

// run returns when ctx ends, or the ledger has failed.
func (l *line) run(ctx context.Context) error {
	for {
		err := l.step(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ledger.ErrFatal):
			return fmt.Errorf("record a timestamp: %w", err)
		case err != nil:
			if err := l.failed(ctx, err); err != nil {
				return err
			}
		}
	}
}

// step does the next thing there is to do, and waits if there is none.
func (l *line) step(ctx context.Context) error {
	switch {
	case !l.begun:
		return l.begin()
	case l.kept != nil:
		if err := l.record(ctx, l.kept); err != nil {
			return err
		}
		l.kept = nil
		l.setStatus(func(s *Status) { s.Failures, s.Error, s.FailedAt = 0, "", time.Time{} })
		return nil
	case l.verified != nil:
		if err := l.store.put(l.verified); err != nil {
			return err
		}
		l.kept, l.verified = l.verified, nil
		return nil
	}
	return l.stamp(ctx)
}

// begin takes up where the last process stopped. The newest timestamp may have no leaf
// as yet; where it has, that is said twice, and no harm.
func (l *line) begin() error {
	newest, err := l.store.newest()
	if err != nil {
		return err
	}
	l.begun = true
	if newest == nil {
		return nil
	}
	// What lies there was verified when it was kept. If it isn't what it was, or the
	// authority is now said to have other certificates, the next is the first of its kind.
	t, err := l.authority.Trusted.VerifyToken(newest.token, newest.note)
	if err != nil {
		l.log.Warn("the newest timestamp does not hold, and is left as it is", "size", newest.size, "error", err)
		return nil
	}
	l.looked, l.kept = newest.size, newest
	l.next = t.Time.Add(l.config.Interval)
	l.setStatus(func(s *Status) { s.Size, s.Time, s.At = newest.size, t.Time, t.Time })
	return nil
}

// stamp waits until there is something to timestamp and it may be, and has the newest
// checkpoint timestamped.
func (l *line) stamp(ctx context.Context) error {
	since, err := l.pending(ctx)
	if err != nil {
		return err
	}
	l.setStatus(func(s *Status) {
		if s.Waiting.IsZero() {
			s.Waiting = since
		}
	})
	// Its clock is not ours: never longer than one interval.
	if err := sleep(ctx, min(time.Until(l.next), l.config.Interval)); err != nil {
		return err
	}
	checkpoint, err := l.config.Reader.Checkpoint(ctx)
	if err != nil {
		return err
	}
	plain, err := byLogAlone(l.config.Log, checkpoint)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	token, t, err := l.authority.ask(asking, l.client, plain)
	if err != nil {
		return err
	}
	l.verified = &stored{checkpoint.Size, token, plain}
	l.looked = max(l.looked, checkpoint.Size)
	l.next = time.Now().Add(l.config.Interval)
	now := l.config.Now()
	l.setStatus(func(s *Status) { s.Size, s.Time, s.At, s.Waiting = checkpoint.Size, t.Time, now, time.Time{} })
	return nil
}

// pending returns as soon as the published ledger has a leaf, none of its own, that has
// no timestamp, and says when that was received.
func (l *line) pending(ctx context.Context) (since time.Time, _ error) {
	for {
		checkpoint, err := l.config.Reader.Wait(ctx, l.looked)
		if err != nil {
			return since, err
		}
		for l.looked < checkpoint.Size {
			entries, err := l.config.Reader.Entries(ctx, checkpoint, l.looked)
			if err != nil {
				return since, err
			}
			for _, e := range entries {
				if e.Leaf.Subject != events.LedgerRecorder.Subject() {
					return e.Leaf.Received, nil
				}
				l.looked = e.Index + 1
			}
		}
	}
}

// record writes a timestamp that is kept back to the ledger.
func (l *line) record(ctx context.Context, s *stored) error {
	t, err := l.authority.Trusted.VerifyToken(s.token, s.note)
	if err != nil {
		return err
	}
	checkpoint, err := l.config.Log.OpenCheckpoint(s.note)
	if err != nil {
		return err
	}
	name := t.Authority
	if name == "" || len(name) > 256 {
		name = l.authority.Trusted.Name
	}
	said := events.TimestampRecorded{
		Authority: name, Serial: t.Serial.Text(16), Time: events.At(t.Time), Size: events.Integer(checkpoint.Size), Root: checkpoint.Root.String(),
		Checkpoint: events.DigestOf(s.note).String(), Token: events.DigestOf(s.token).String(),
	}
	if err := l.config.Record(ctx, said); err != nil {
		return fmt.Errorf("record a timestamp: %w", err)
	}
	l.log.Info("timestamped", "size", checkpoint.Size, "time", t.Time)
	return nil
}

// failed reports a failure and waits before the next try. It returns ctx's error.
func (l *line) failed(ctx context.Context, err error) error {
	now := l.config.Now()
	var n int
	l.setStatus(func(s *Status) {
		s.Failures++
		n = s.Failures
		s.Error, s.FailedAt = err.Error(), now
	})
	wait := firstRetry
	for i := 1; i < n && wait < l.config.Interval; i++ {
		wait *= 2
	}
	wait = min(wait, l.config.Interval)
	l.log.Warn("a timestamp was not obtained and is asked for again", "error", err, "failures", n, "after", wait)
	return sleep(ctx, wait)
}

// setStatus changes the status, and writes it if it is another.
func (l *line) setStatus(change func(*Status)) {
	l.mu.Lock()
	before := l.status
	change(&l.status)
	now := l.status
	l.mu.Unlock()
	if now == before {
		return
	}
	if err := l.store.writeStatus(now); err != nil {
		l.log.Warn("the status of timestamps is not kept", "error", err)
	}
}

// byLogAlone returns a checkpoint with the log's own signature only.
func byLogAlone(log *verify.Log, checkpoint *verify.Checkpoint) ([]byte, error) {
	verifier, err := note.NewVerifier(log.Key())
	if err != nil {
		return nil, err
	}
	n, err := note.Open(checkpoint.Note, note.VerifierList(verifier))
	if err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", log.Origin(), err)
	}
	n.UnverifiedSigs = nil
	return note.Sign(n)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
