package rekor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/countersign"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/retry"
)

// worker is the way to one Rekor.
type worker struct {
	config *Config
	rekor  Rekor
	store  *Store
	log    *slog.Logger
	status *countersign.Status[Status]

	// Of run's goroutine:
	anchored uint64                         // size of the newest checkpoint that is kept
	looked   uint64                         // leaves below are anchored or the ledger's own
	seen     map[string]*formats.Checkpoint // the Rekor's largest, by origin: v1 has several trees
	shards   map[string]*openShard          // of seen, what is kept
	doubt    bool                           // the anchor to be recorded may have its leaf already
	next     time.Time                      // not before then
}

func newLine(config *Config, r Rekor) *worker {
	log := config.Logger.With("rekor", r.Name)
	status := Status{Rekor: r.Name, Origin: r.Trusted.Origin, URL: r.URL, Version: r.Trusted.Version}
	return &worker{
		config: config, rekor: r, store: OpenStore(config.Dir), log: log,
		status: countersign.NewStatus(status, filepath.Join(config.Dir, r.Name, statusFile), log),
		seen:   map[string]*formats.Checkpoint{}, shards: map[string]*openShard{},
	}
}

// run returns when ctx ends, or the ledger has failed.
func (l *worker) run(ctx context.Context) error {
	way := countersign.Worker[Stored]{Begin: l.begin, Ask: l.anchor, Keep: l.keep, Record: l.record, Failed: l.failed}
	return way.Run(ctx)
}

// begin takes up where the last process stopped.
func (l *worker) begin() (*Stored, error) {
	l.recallShards()
	newest, err := l.store.newest(l.rekor.Name)
	if err != nil || newest == nil {
		return nil, err
	}
	// What lies there was verified when it was kept. If it isn't what it was, or the
	// Rekor is now said to have another key, it is no ground to stand on, and the next
	// anchor is the first of its kind.
	anchor, err := l.rekor.Trusted.VerifyAnchor(newest.Entry, newest.Note, &l.config.AnchorKey.PublicKey)
	if err != nil {
		l.log.Warn("the newest anchor does not hold, and is left as it is", "size", newest.Size, "error", err)
		return nil, nil
	}
	if known := l.seen[anchor.Checkpoint.Origin]; known == nil || known.Size < anchor.Checkpoint.Size {
		l.seen[anchor.Checkpoint.Origin] = anchor.Checkpoint
	}
	l.anchored, l.looked, l.doubt = newest.Size, newest.Size, true
	l.status.Change(func(s *Status) {
		s.Size = newest.Size
		s.Time = l.lastTime()
	})
	return newest, nil
}

// lastTime is when the newest anchor was verified, as the last process wrote it.
func (l *worker) lastTime() time.Time {
	b, err := durable.ReadFile(filepath.Join(l.config.Dir, l.rekor.Name, statusFile), maxFile)
	var s Status
	if err != nil || json.Unmarshal(b, &s) != nil || s.Size != l.anchored {
		return time.Time{}
	}
	return s.Time
}

// keep keeps an anchor that is verified.
func (l *worker) keep(a *Stored) error {
	if err := l.store.put(a); err != nil {
		return err
	}
	l.anchored, l.looked = a.Size, max(l.looked, a.Size)
	now := l.config.Now()
	l.status.Change(func(s *Status) { s.Size, s.Time, s.Waiting = a.Size, now, time.Time{} })
	return nil
}

// anchor waits until there is something to anchor and it may be, and has the newest
// checkpoint put into the Rekor.
func (l *worker) anchor(ctx context.Context) (*Stored, error) {
	since, err := countersign.Pending(ctx, l.config.Reader, &l.looked)
	if err != nil {
		return nil, err
	}
	l.status.Change(func(s *Status) {
		if s.Waiting.IsZero() {
			s.Waiting = since
		}
	})
	if err := retry.Sleep(ctx, time.Until(l.next)); err != nil {
		return nil, err
	}
	checkpoint, err := l.config.Reader.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	anchor, err := l.submit(ctx, checkpoint)
	if err != nil {
		return nil, err
	}
	l.next = begun.Add(l.config.Interval)
	return anchor, nil
}

// submit puts one checkpoint into the Rekor, and verifies what comes back.
func (l *worker) submit(ctx context.Context, checkpoint *formats.Checkpoint) (*Stored, error) {
	note, err := countersign.Plain(l.config.Log, checkpoint)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	answer, err := l.rekor.Client.Submit(ctx, sha256.Sum256(note), l.config.AnchorKey)
	if err != nil {
		return nil, fmt.Errorf("submit the checkpoint of %d leaves: %w", checkpoint.Size, err)
	}
	anchor, err := l.rekor.Trusted.VerifyAnchor(answer, note, &l.config.AnchorKey.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("what the Rekor answered does not hold: %w", err)
	}
	stored := &Stored{Rekor: l.rekor.Name, Size: checkpoint.Size, Entry: anchor.Entry.Marshal(), Note: note}
	before := l.seen[anchor.Checkpoint.Origin]
	err = l.consistent(ctx, anchor.Checkpoint)
	if errors.Is(err, errInconsistent) {
		l.keepContradiction(stored, before)
	}
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// ContradictedFile is where, in a Rekor's directory, an entry lies that contradicts what
// that Rekor had shown before; contradicted.before beside it has the checkpoint.
const ContradictedFile = "contradicted.json"

// keepContradiction keeps an entry of an inconsistent Rekor, and the checkpoint that it
// contradicts: both are signed by that Rekor, and may show others what it does.
func (l *worker) keepContradiction(stored *Stored, before *formats.Checkpoint) {
	dir := filepath.Join(l.config.Dir, l.rekor.Name)
	err := durable.MkdirAll(dir, 0o755)
	if err == nil {
		err = errors.Join(durable.WriteFile(filepath.Join(dir, ContradictedFile), stored.Entry, 0o644), durable.WriteFile(filepath.Join(dir, "contradicted.before"), before.Note, 0o644))
	}
	if err != nil {
		l.log.Warn("an entry of an inconsistent Rekor is not kept", "error", err)
	}
}

// errInconsistent is wrapped where a Rekor shows a tree that isn't proven to continue
// the one that it showed before.
var errInconsistent = errors.New("the Rekor is not consistent")

// consistent checks that the Rekor's tree only grew since the largest checkpoint seen
// of it, and keeps what shows it. It is durable when consistent returns.
func (l *worker) consistent(ctx context.Context, now *formats.Checkpoint) error {
	before := l.seen[now.Origin]
	if before == nil || before.Size == 0 {
		if err := l.keepStep(nil, now, nil); err != nil {
			return err
		}
		l.seen[now.Origin] = now
		return nil
	}
	older, newer := before, now
	if older.Size > newer.Size {
		older, newer = newer, older
	}
	if older.Size == newer.Size {
		if older.Root != newer.Root {
			return fmt.Errorf("%w: it has signed two trees of %d entries, with the roots %s and %s", errInconsistent, now.Size, before.Root, now.Root)
		}
		return nil
	}
	proof, err := l.rekor.Client.Consistency(ctx, older, newer)
	if err != nil {
		return fmt.Errorf("ask the Rekor to prove that its tree of %d contains that of %d: %w", newer.Size, older.Size, err)
	}
	if err := tlog.CheckTree(proof, int64(newer.Size), newer.Root, int64(older.Size), older.Root); err != nil {
		return fmt.Errorf("%w: it does not prove that its tree of %d contains that of %d", errInconsistent, newer.Size, older.Size)
	}
	if newer == before {
		return nil
	}
	if err := l.keepStep(before, now, proof); err != nil {
		return err
	}
	l.seen[now.Origin] = now
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
	wait := retry.Backoff{First: min(firstRetry, l.config.Interval), Most: max(l.config.Interval, time.Minute)}.After(n)
	if retry.WorthLogging(n) {
		l.log.Warn("anchoring failed and is tried again", "error", err, "failures", n, "after", wait)
	}
	return retry.Sleep(ctx, wait)
}
