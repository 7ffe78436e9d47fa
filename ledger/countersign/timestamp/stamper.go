package timestamp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/countersign"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/retry"
)

// Config says whom a [Stamper] asks.
type Config struct {
	// Dir is [DirName] in the ledger's directory. It is made if need be.
	Dir         string
	Authorities []Authority
	Log         *formats.Log
	// Reader reads the ledger, with bodies.
	Reader ledger.Reader
	// Record adds the timestamp to the ledger as a leaf: [writer.Ledger.RecordTimestamp].
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
	lines  []*worker
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
		kept, log := store{filepath.Join(config.Dir, a.Trusted.Name)}, config.Logger.With("authority", a.Trusted.Name)
		s.lines = append(s.lines, &worker{
			config: &s.config, authority: a, store: kept, client: newHTTPClient(), log: log,
			status: countersign.NewStatus(Status{Authority: a.Trusted.Name, URL: a.URL, Every: config.Interval}, filepath.Join(kept.dir, statusFile), log),
		})
	}
	return s, nil
}

// Run asks until ctx ends, and then returns its error; before that only if the ledger
// failed. It is called once.
func (s *Stamper) Run(ctx context.Context) error {
	var ways []func(context.Context) error
	for _, l := range s.lines {
		ways = append(ways, l.run)
	}
	return countersign.Run(ctx, ways...)
}

// Status returns how far each authority has come, in the order of the configuration.
// It is safe for concurrent use.
func (s *Stamper) Status() []Status {
	all := make([]Status, len(s.lines))
	for i, l := range s.lines {
		all[i] = l.status.Get()
	}
	return all
}

// worker is the way to one authority.
type worker struct {
	config    *Config
	authority Authority
	store     store
	client    *http.Client
	log       *slog.Logger
	status    *countersign.Status[Status]

	// Of run's goroutine:
	looked uint64 // leaves below have a timestamp or are the ledger's own
	next   time.Time
}

// run returns when ctx ends, or the ledger has failed.
func (l *worker) run(ctx context.Context) error {
	way := countersign.Worker[stored]{Begin: l.begin, Ask: l.stamp, Keep: l.store.put, Record: l.record, Failed: l.failed}
	return way.Run(ctx)
}

// begin takes up where the last process stopped. The newest timestamp may have no leaf
// as yet; where it has, that is said twice, and no harm.
func (l *worker) begin() (*stored, error) {
	newest, err := l.store.newest()
	if err != nil || newest == nil {
		return nil, err
	}
	// What lies there was verified when it was kept. If it isn't what it was, or the
	// authority is now said to have other certificates, the next is the first of its kind.
	t, err := l.authority.Trusted.VerifyToken(newest.token, newest.note)
	if err != nil {
		l.log.Warn("the newest timestamp does not hold, and is left as it is", "size", newest.size, "error", err)
		return nil, nil
	}
	l.looked = newest.size
	l.next = t.Time.Add(l.config.Interval)
	l.status.Change(func(s *Status) { s.Size, s.Time, s.At = newest.size, t.Time, t.Time })
	return newest, nil
}

// stamp waits until there is something to timestamp and it may be, and has the newest
// checkpoint timestamped.
func (l *worker) stamp(ctx context.Context) (*stored, error) {
	since, err := countersign.Pending(ctx, l.config.Reader, &l.looked)
	if err != nil {
		return nil, err
	}
	l.status.Change(func(s *Status) {
		if s.Waiting.IsZero() {
			s.Waiting = since
		}
	})
	// Its clock is not ours: never longer than one interval.
	if err := retry.Sleep(ctx, min(time.Until(l.next), l.config.Interval)); err != nil {
		return nil, err
	}
	checkpoint, err := l.config.Reader.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := countersign.Plain(l.config.Log, checkpoint)
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	token, t, err := l.authority.ask(asking, l.client, plain)
	if err != nil {
		return nil, err
	}
	l.looked = max(l.looked, checkpoint.Size)
	l.next = time.Now().Add(l.config.Interval)
	now := l.config.Now()
	l.status.Change(func(s *Status) { s.Size, s.Time, s.At, s.Waiting = checkpoint.Size, t.Time, now, time.Time{} })
	return &stored{checkpoint.Size, token, plain}, nil
}

// record writes a timestamp that is kept back to the ledger.
func (l *worker) record(ctx context.Context, s *stored) error {
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
	l.status.Change(func(s *Status) { s.Failures, s.Error, s.FailedAt = 0, "", time.Time{} })
	l.log.Info("timestamped", "size", checkpoint.Size, "time", t.Time)
	return nil
}

// failed reports a failure and waits before the next try. It returns ctx's error.
func (l *worker) failed(ctx context.Context, err error) error {
	now := l.config.Now()
	var n int
	l.status.Change(func(s *Status) {
		s.Failures++
		n = s.Failures
		s.Error, s.FailedAt = err.Error(), now
	})
	wait := retry.Backoff{First: firstRetry, Most: l.config.Interval}.After(n)
	if retry.WorthLogging(n) {
		l.log.Warn("a timestamp was not obtained and is asked for again", "error", err, "failures", n, "after", wait)
	}
	return retry.Sleep(ctx, wait)
}
