package operator

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/client"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ops/home"
)

// Mover is the home of somebody who publishes: an operator's, or that of an authority with a
// seat.
type Mover interface {
	Grant() (*home.Grant, error)
	Accepts(grantPath, logKey string) (*home.Grant, error)
	Join(grantPath, logKey string) (*home.Grant, error)
	OutboxFile() string
}

// MoveOptions are how a home moves to the ledger that takes the place of its own.
type MoveOptions struct {
	// Predecessor is where the tree before is read instead of where the grant says: a URL, or
	// the directory of a copy.
	Predecessor string
	// LogKey is the new ledger's, if the person who moves has it from elsewhere: nobody has to
	// sign for the move then.
	LogKey string
	// Unproven moves without that tree: what has no receipt is published again.
	Unproven bool
	// Drop gives up what has no receipt.
	Drop     bool
	Progress func(done, total uint64)
}

// Move joins a ledger. If the home has joined another before, which this one succeeds, its
// outbox moves with all that is in it, and only then is the grant kept: after an interruption,
// saying it again goes on. moved is nil where there was nothing to move.
func Move(ctx context.Context, h Mover, grantPath string, o MoveOptions) (_ *home.Grant, moved *client.Moved, err error) {
	next, err := h.Accepts(grantPath, o.LogKey)
	if err != nil {
		return nil, nil, err
	}
	s, err := succession(h, next, o)
	if err != nil {
		return nil, nil, err
	}
	if s != nil {
		if moved, err = move(ctx, h, *s); err != nil {
			return nil, nil, err
		}
	}
	grant, err := h.Join(grantPath, o.LogKey)
	if err == nil && s == nil && next.Predecessor != nil {
		moved, err = movedBefore(ctx, h)
	}
	return grant, moved, err
}

// movedBefore says what an outbox holds that has moved to the ledger of its home: an attempt
// before may have been cut short when that was done, and all was yet to be sent.
func movedBefore(ctx context.Context, h Mover) (_ *client.Moved, err error) {
	if _, err := os.Stat(h.OutboxFile()); err != nil { // there is nothing to say
		return nil, nil
	}
	outbox, err := client.Open(ctx, h.OutboxFile(), client.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, outbox.Close()) }()
	moved, ok, err := outbox.MovedBefore(ctx)
	if err != nil || !ok {
		return nil, err
	}
	return &moved, nil
}

// succession returns how the ledger of a grant that the home accepts succeeds the one that it
// is of; nil if that is the same, or there is none.
func succession(h Mover, next *home.Grant, o MoveOptions) (*client.Succession, error) {
	before, err := h.Grant()
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if before.Ledger.Key == next.Ledger.Key {
		return nil, nil
	}
	s := &client.Succession{
		Last: []byte(next.Predecessor.Checkpoint), HTTP: next.Predecessor.HTTP, Unproven: o.Unproven, Drop: o.Drop, Progress: o.Progress,
	}
	if s.From, err = before.Ledger.Log(); err != nil {
		return nil, err
	}
	if s.To, err = next.Ledger.Log(); err != nil {
		return nil, err
	}
	switch {
	case o.Predecessor == "":
	case strings.HasPrefix(o.Predecessor, "http://"), strings.HasPrefix(o.Predecessor, "https://"):
		s.HTTP = o.Predecessor
	default:
		dir, err := treeIn(o.Predecessor)
		if err != nil {
			return nil, err
		}
		if err := reaches(dir, o.Predecessor, s); err != nil {
			return nil, err
		}
		s.Place, s.HTTP, s.HTTPClient = o.Predecessor, "http://copy", &http.Client{Transport: http.NewFileTransport(http.Dir(dir))}
	}
	return s, nil
}

// reaches refuses a copy that can't have the tree before up to its last checkpoint.
func reaches(tree, dir string, s *client.Succession) error {
	text, err := os.ReadFile(tree + "/checkpoint")
	if err != nil {
		return err
	}
	at, err := formats.ParseCheckpoint(text)
	if err != nil {
		return fmt.Errorf("the checkpoint in %s: %w", dir, err)
	}
	last, err := s.From.OpenCheckpoint(s.Last)
	if err != nil {
		return err
	}
	if err := at.Reaches(last); err != nil {
		return hinted{fmt.Errorf("read the tree of %s in %s: %w", last.Origin, dir, err), "nothing has changed: name another copy, or leave --predecessor out, and the ledger's own is read"}
	}
	return nil
}

// treeIn returns where the tree lies in a copy, or in a ledger's own directory.
func treeIn(dir string) (string, error) {
	if info, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s: no such directory", dir)
	} else if err == nil && !info.IsDir() {
		return "", fmt.Errorf("%s is not a directory", dir)
	}
	for _, sub := range []string{"/tree", "/ledger/tree", ""} {
		if _, err := os.Stat(dir + sub + "/checkpoint"); err == nil {
			return dir + sub, nil
		}
	}
	return "", fmt.Errorf("%s holds no tree, nor a copy of one", dir)
}

func move(ctx context.Context, h Mover, s client.Succession) (_ *client.Moved, err error) {
	outbox, err := client.Open(ctx, h.OutboxFile(), client.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, outbox.Close()) }()
	moved, err := outbox.Move(ctx, s)
	if err != nil {
		return nil, err
	}
	return &moved, nil
}
