// Package reader has what a reader does on its own machine: follow feeds and remember
// how far it has read.
//
// Not here: anything of a node, and publishing of any kind.
package reader

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

// WatchOptions say what to watch and what to do with it.
type WatchOptions struct {
	View string
	// Output is a file that changes are appended to, one CloudEvent a line. It goes
	// on after its last whole line, nothing missing and nothing twice.
	Output string
	// Print gets changes instead, if there is no Output. How far it came is kept in
	// the home when it returns; so if the process dies in between, the same come
	// again.
	Print func([]feeds.Message) error
	// Count and Idle end Watch, and Trouble is told why nothing comes: see
	// [feeds.Subscription].
	Count   int
	Idle    time.Duration
	Trouble func(error)
	// Token makes a bearer token, for feeds that are read over HTTP.
	Token func() (string, error)
}

// Home is the home of a reader, or of a member authority.
type Home interface {
	Grant() (*home.Grant, error)
	FeedDir() (string, error)
	CredsFile() string
}

// Watch follows the feed of a view until ctx ends, or Count or Idle say so, and
// then returns nil. It goes on where the last one stopped.
//
// The broker has feeds for readers whose mandate it can hold them to. All others, and
// authorities, read the same changes from the API, as server-sent events.
func Watch(ctx context.Context, h Home, o WatchOptions) (err error) {
	grant, err := h.Grant()
	if err != nil {
		return err
	}
	if grant.Mandate == nil || len(grant.Mandate.Views) == 0 {
		return watchStream(ctx, h, grant, o)
	}
	if !slices.Contains(grant.Mandate.Views, o.View) {
		return hinted{fmt.Errorf("the grant of %s has no feed of view %q", grant.Name, o.View), "it has those of " + views(grant)}
	}
	dir, err := h.FeedDir()
	if err != nil {
		return err
	}
	lock, err := durable.TryLock(filepath.Join(dir, o.View+".lock"))
	if errors.Is(err, durable.ErrLocked) {
		return fmt.Errorf("another process watches view %s with this home", o.View)
	} else if err != nil {
		return err
	}
	defer lock.Close()

	p, err := openPosition(filepath.Join(dir, o.View+".json"))
	if err != nil {
		return err
	}
	s := feeds.Subscription{
		Domain: events.FeedsDomain, Reader: grant.Name, View: o.View, After: p.at, Handle: p.after(o.Print),
		Count: o.Count, Idle: o.Idle, Trouble: o.Trouble,
	}
	if o.Output != "" {
		file, err := feeds.OpenFile(o.Output, o.View)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		s.After, s.Handle = file.Last(), p.after(file.Append)
		// What was acknowledged before isn't all in this file.
		s.FromStart = file.Last().Compare(p.at) < 0
	}
	if s.Conn, err = connect(h, grant); err != nil {
		return err
	}
	defer s.Conn.Close()
	err = feeds.Follow(ctx, s)
	switch {
	case errors.Is(err, feeds.ErrNoConsumer):
		return hinted{err, "the reader may be suspended, or the ledger's node not running yet; ask the authority"}
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAuthExpired):
		return hinted{err, "the authority lets this reader in no more; ask it"}
	}
	return err
}

func views(grant *home.Grant) string {
	if grant.Mandate == nil {
		return "none"
	}
	return strings.Join(grant.Mandate.Views, ", ")
}

// connectTime is how long the connection may take to be made: the library's two seconds are
// too short for a busy machine, or a long way.
const connectTime = 20 * time.Second

func connect(h Home, grant *home.Grant) (*nats.Conn, error) {
	nc, err := nats.Connect(grant.NATS, nats.UserCredentials(h.CredsFile()), nats.Name("saksi watch"), nats.Timeout(connectTime),
		nats.MaxReconnects(-1), nats.ReconnectWait(500*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // what matters comes back from requests
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return nil, hinted{fmt.Errorf("connect to %s: %w", grant.NATS, err), "the authority lets this reader in no more; ask it"}
	case err != nil:
		return nil, hinted{fmt.Errorf("connect to %s: %w", grant.NATS, err), "is the ledger's node running, and reached from here?"}
	}
	return nc, nil
}

// position is how far changes were handled and acknowledged, at most.
type position struct {
	path string
	at   feeds.Mark
}

func openPosition(path string) (*position, error) {
	p := &position{path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &p.at)
	}
	if err != nil {
		return nil, fmt.Errorf("read how far the feed was read: %w", err)
	}
	return p, nil
}

// after has the position follow what handle has done.
func (p *position) after(handle func([]feeds.Message) error) func([]feeds.Message) error {
	return func(messages []feeds.Message) error {
		if err := handle(messages); err != nil {
			return err
		}
		// A file that is catching up is behind what was acknowledged before.
		last := messages[len(messages)-1].Mark
		if last.Compare(p.at) <= 0 {
			return nil
		}
		p.at = last
		return home.WriteJSON(p.path, last, 0o600)
	}
}

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }
func (h hinted) Hint() string  { return h.hint }
