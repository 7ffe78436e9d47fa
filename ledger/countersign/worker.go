package countersign

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/durable"
)

// Worker is the way to one party. What it signs goes along it one at a time: asked for and
// verified, kept, recorded. The next is asked for when the last is recorded, so that of
// those kept only the newest can be without its leaf.
type Worker[T any] struct {
	// Begin returns what was kept last and may be without its leaf, or nil. It is called
	// until it returns no error.
	Begin func() (*T, error)
	// Ask waits until there is something to ask for and it may be, and returns what has
	// been verified.
	Ask func(context.Context) (*T, error)
	// Keep is durable when it returns.
	Keep func(*T) error
	// Record adds the leaf. It is called again after an error, though that may be of what
	// came after the leaf was added. An error that wraps [ledger.ErrFatal] ends Run.
	Record func(context.Context, *T) error
	// Failed is told of each other error, and waits before the next try. It returns
	// ctx's error.
	Failed func(context.Context, error) error

	begun    bool
	verified *T // and not yet kept
	kept     *T // and not yet known to be recorded
}

// Run returns when ctx ends, or the ledger has failed. It is called once.
func (l *Worker[T]) Run(ctx context.Context) error {
	for {
		err := l.step(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ledger.ErrFatal):
			return err
		case err != nil:
			if err := l.Failed(ctx, err); err != nil {
				return err
			}
		}
	}
}

// step does the next thing there is to do. After an error it is done again.
func (l *Worker[T]) step(ctx context.Context) (err error) {
	switch {
	case !l.begun:
		l.kept, err = l.Begin()
		l.begun = err == nil
	case l.kept != nil:
		if err = l.Record(ctx, l.kept); err == nil {
			l.kept = nil
		}
	case l.verified != nil:
		if err = l.Keep(l.verified); err == nil {
			l.kept, l.verified = l.verified, nil
		}
	default:
		l.verified, err = l.Ask(ctx)
	}
	return err
}

// Status holds what is shown of a line, and writes each change of it to a file, in JSON,
// for those who look from outside the process. It is safe for concurrent use.
type Status[S comparable] struct {
	file string
	log  *slog.Logger

	mu  sync.Mutex
	now S
}

// NewStatus begins with a status that is not written. The file's directory is made if
// need be; where writing fails, that is logged.
func NewStatus[S comparable](begin S, file string, log *slog.Logger) *Status[S] {
	return &Status[S]{now: begin, file: file, log: log}
}

// Get returns the status as it is now.
func (s *Status[S]) Get() S {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Change changes the status. It is for one goroutine: what is written is in its order.
func (s *Status[S]) Change(change func(*S)) {
	s.mu.Lock()
	before := s.now
	change(&s.now)
	now := s.now
	s.mu.Unlock()
	if now == before {
		return
	}
	if err := WriteStatus(s.file, now); err != nil {
		s.log.Warn("the status is not kept", "error", err)
	}
}

// WriteStatus writes a status in JSON, whole or not at all, and makes the directory if
// need be.
func WriteStatus(file string, status any) error {
	b, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return durable.WriteFile(file, append(b, '\n'), 0o644)
}
