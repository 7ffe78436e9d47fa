package rekor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// line is the way to one Rekor. Anchors go along it one at a time: submitted,
// verified, kept, announced, recorded. The next begins when the last is recorded, so
// that of those kept only the newest can be without its leaf.
type line struct {
	config *Config
	rekor  Rekor
	store  *Store
	log    *slog.Logger

	// Of run's goroutine:
	anchored uint64                        // size of the newest checkpoint that is kept
	looked   uint64                        // leaves below are anchored or the ledger's own
	seen     map[string]*verify.Checkpoint // the Rekor's largest, by origin: v1 has several trees
	shards   map[string]*openShard         // of seen, what is kept
	verified *Stored                       // and not yet kept
	kept     *Stored                       // and not yet known to be recorded
	doubt    bool                          // kept may have its leaf already
	next     time.Time                     // not before then

	mu     sync.Mutex
	status Status
}

func newLine(config *Config, r Rekor) *line {
	return &line{
		config: config, rekor: r, store: OpenStore(config.Dir), log: config.Logger.With("rekor", r.Name),
		seen: map[string]*verify.Checkpoint{}, shards: map[string]*openShard{},
		status: Status{Rekor: r.Name, Origin: r.Trusted.Origin, URL: r.URL, Version: r.Trusted.Version},
	}
}

// run returns when ctx ends, or the ledger has failed.
func (l *line) run(ctx context.Context) error {
	begun := false
	for {
		var err error
		if !begun {
			if err = l.begin(); err == nil {
				begun = true
			}
		} else {
			err = l.step(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ledger.ErrFatal):
			return fmt.Errorf("record an anchor: %w", err)
		case err != nil:
			if err := l.failed(ctx, err); err != nil {
				return err
			}
		}
	}
}

// begin takes up where the last process stopped.
func (l *line) begin() error {
	l.recallShards()
	newest, err := l.store.newest(l.rekor.Name)
	if err != nil || newest == nil {
		return err
	}
	// What lies there was verified when it was kept. If it isn't what it was, or the
	// Rekor is now said to have another key, it is no ground to stand on, and the next
	// anchor is the first of its kind.
	anchor, err := l.rekor.Trusted.VerifyAnchor(newest.Entry, newest.Note, &l.config.AnchorKey.PublicKey)
	if err != nil {
		l.log.Warn("the newest anchor does not hold, and is left as it is", "size", newest.Size, "error", err)
		return nil
	}
	if known := l.seen[anchor.Checkpoint.Origin]; known == nil || known.Size < anchor.Checkpoint.Size {
		l.seen[anchor.Checkpoint.Origin] = anchor.Checkpoint
	}
	l.anchored, l.looked, l.kept, l.doubt = newest.Size, newest.Size, newest, true
	l.setStatus(func(s *Status) {
		s.Size = newest.Size
		s.Time = l.lastTime()
	})
	return nil
}

// lastTime is when the newest anchor was verified, as the last process wrote it.
func (l *line) lastTime() time.Time {
	b, err := durable.ReadFile(filepath.Join(l.config.Dir, l.rekor.Name, statusFile), maxFile)
	var s Status
	if err != nil || json.Unmarshal(b, &s) != nil || s.Size != l.anchored {
		return time.Time{}
	}
	return s.Time
}

// step does the next thing there is to do, and waits if there is none.
func (l *line) step(ctx context.Context) error {
	switch {
	case l.kept != nil:
		if err := l.record(ctx, l.kept); err != nil {
			l.doubt = true // it may have failed only by its own account
			return err
		}
		l.kept, l.doubt = nil, false
		l.succeeded()
	case l.verified != nil:
		if err := l.store.put(l.verified); err != nil {
			return err
		}
		l.kept, l.verified = l.verified, nil
		l.anchored, l.looked = l.kept.Size, max(l.looked, l.kept.Size)
		now := l.config.Now()
		l.setStatus(func(s *Status) { s.Size, s.Time, s.Waiting = l.kept.Size, now, time.Time{} })
	default:
		return l.anchor(ctx)
	}
	return nil
}

// anchor waits until there is something to anchor and it may be, and has the newest
// checkpoint put into the Rekor.
func (l *line) anchor(ctx context.Context) error {
	since, err := l.pending(ctx)
	if err != nil {
		return err
	}
	l.setStatus(func(s *Status) {
		if s.Waiting.IsZero() {
			s.Waiting = since
		}
	})
	if err := sleep(ctx, time.Until(l.next)); err != nil {
		return err
	}
	checkpoint, err := l.config.Reader.Checkpoint(ctx)
	if err != nil {
		return err
	}
	begun := time.Now()
	if l.verified, err = l.submit(ctx, checkpoint); err != nil {
		return err
	}
	l.next = begun.Add(l.config.Interval)
	return nil
}

// pending returns as soon as the published ledger has a leaf, none of its own, that
// isn't anchored, and says when that was received.
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
				if !own(e.Leaf) {
					return e.Leaf.Received, nil
				}
				l.looked = e.Index + 1
			}
		}
	}
}

// submit puts one checkpoint into the Rekor, and verifies what comes back.
func (l *line) submit(ctx context.Context, checkpoint *verify.Checkpoint) (*Stored, error) {
	note, err := byLogAlone(l.config.Log, checkpoint)
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
func (l *line) keepContradiction(stored *Stored, before *verify.Checkpoint) {
	dir := filepath.Join(l.config.Dir, l.rekor.Name)
	err := os.MkdirAll(dir, 0o755)
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
func (l *line) consistent(ctx context.Context, now *verify.Checkpoint) error {
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

// succeeded ends a row of failures.
func (l *line) succeeded() {
	l.setStatus(func(s *Status) { s.Failures, s.Error, s.FailedAt = 0, "", time.Time{} })
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
	wait := min(firstRetry, l.config.Interval)
	for i := 1; i < n && wait < max(l.config.Interval, time.Minute); i++ {
		wait *= 2
	}
	wait = min(wait, max(l.config.Interval, time.Minute))
	l.log.Warn("anchoring failed and is tried again", "error", err, "failures", n, "after", wait)
	return sleep(ctx, wait)
}

func (l *line) currentStatus() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
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
	if err := writeStatus(l.config.Dir, now); err != nil {
		l.log.Warn("the status of anchoring is not kept", "error", err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
