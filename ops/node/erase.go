package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/retry"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/viewstore"
	"github.com/saksi-ledger/saksi/projections"
	"github.com/saksi-ledger/saksi/projections/feeds"
	"github.com/saksi-ledger/saksi/projections/views"
)

const (
	// eraseRetry is how long what went wrong waits, expireEvery how often it is looked
	// for what is past its retention: views are made again after each.
	eraseRetry  = 30 * time.Second
	expireEvery = 24 * time.Hour
	// personsEvery is how soon what was disclosed of a pseudonym after it was ordered
	// erased is looked for.
	personsEvery = time.Minute
)

// keepErased carries out what the registry orders erased and what the genesis lets
// expire, and has the views made again without it, until the context ends. What goes
// wrong is logged, and tried again.
func (n *running) keepErased(ctx context.Context) error {
	var expired time.Time
	n.feedsDue = true // an earlier run may not have come so far
	for failures := 0; ; {
		wait := time.Until(expired.Add(expireEvery))
		if wait <= 0 {
			expired, wait = time.Now(), expireEvery
			err := n.expire(ctx)
			if err == nil {
				_, err = n.custody.Expire(ctx, time.Now())
			}
			if err != nil && ctx.Err() == nil {
				n.config.Log.Error("what is past its retention was not all erased", "error", err, "retry", eraseRetry)
				expired, wait = time.Time{}, eraseRetry
			}
		}
		again := n.feedsDue
		err := n.erase(ctx)
		if err == nil && again {
			if err = n.eraseFeeds(ctx); err == nil {
				n.feedsDue = false
			}
		}
		if err == nil {
			err = n.fileDisclosures(ctx)
		}
		if err == nil {
			err = n.erasePersons(ctx)
		}
		if err != nil && ctx.Err() == nil {
			if failures++; retry.WorthLogging(failures) {
				n.config.Log.Error("erasing what was ordered can't go on", "error", err, "failures", failures, "retry", eraseRetry)
			}
			wait = min(wait, eraseRetry)
		} else {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return nil
		case <-n.ledger.RegistryChanged():
		case <-time.After(min(wait, personsEvery)):
		}
	}
}

// erase carries out what is due, and makes the views again if there was any, or if an
// earlier run didn't come so far.
func (n *running) erase(ctx context.Context) error {
	orders, err := n.ledger.Erasures(ctx)
	if err != nil {
		return err
	}
	due := false
	for _, o := range orders {
		due = due || !o.Done && o.Hold == "" && o.Problem == ""
	}
	if due {
		if err := n.markViews(); err != nil {
			return err
		}
		err := n.asEraser(ctx, func(stream jetstream.Stream) error {
			_, err := n.ledger.Erase(ctx, stream)
			return err
		})
		if err != nil {
			return err
		}
	}
	return n.remakeViews(ctx)
}

func (n *running) expire(ctx context.Context) error {
	// A mark of an erasure that was cut short stays, whatever expires.
	_, err := os.Stat(n.config.Home.ViewsMark())
	marked := err == nil
	if err := n.markViews(); err != nil {
		return err
	}
	var all writer.Expired
	for all.More = true; all.More && ctx.Err() == nil; {
		some, err := n.ledger.Expire(ctx)
		all.Events, all.Rejections, all.More = all.Events+some.Events, all.Rejections+some.Rejections, some.More
		if err != nil {
			return err
		}
	}
	if all.Events+all.Rejections == 0 {
		if marked {
			return nil
		}
		return n.unmarkViews()
	}
	n.config.Log.Info("erased what is past its retention", "events", all.Events, "rejections", all.Rejections)
	return n.remakeViews(ctx)
}

// asEraser opens the stream as the user who may delete single messages.
func (n *running) asEraser(ctx context.Context, f func(jetstream.Stream) error) error {
	nc, err := nats.Connect(n.addresses.LocalNATS, append(broker.ConnectOptions(broker.RoleEraser, n.authority.CredsFile(broker.RoleEraser)), n.connect...)...)
	if err != nil {
		return fmt.Errorf("connect to the broker at %s to erase: %w", n.addresses.LocalNATS, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, eventsStream)
	if err != nil {
		return fmt.Errorf("look at stream %s to erase: %w", eventsStream, err)
	}
	return f(stream)
}

// markViews says, from before an erasure until they have been made again, that the views
// hold what is erased.
func (n *running) markViews() error {
	if err := os.MkdirAll(n.config.Home.ViewsDir(), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(n.config.Home.ViewsMark(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (n *running) unmarkViews() error {
	if err := os.Remove(n.config.Home.ViewsMark()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// remakeViews makes the views again, beside the live ones, if they hold what was erased.
func (n *running) remakeViews(ctx context.Context) error {
	if _, err := os.Stat(n.config.Home.ViewsMark()); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	began := time.Now()
	made, err := viewstore.Rebuild(ctx, n.readSide.reader, n.config.Home, projections.RebuildOptions{Log: n.config.Log})
	if errors.Is(err, viewstore.ErrLocked) {
		return fmt.Errorf("make the views again: somebody else is at it: %w", err)
	} else if err != nil {
		return err
	}
	n.config.Log.Info("the views were made again without what was erased", "size", made.Position.Size, "took", time.Since(began).Round(time.Millisecond))
	if err := n.eraseFeeds(ctx); err != nil {
		return err
	}
	// What was on its way to the feeds when the views were made again is looked for once more.
	n.feedsDue = true
	// So is, from the beginning, what opens events that are gone.
	n.filed = 0
	return n.unmarkViews()
}

// eraseFeeds erases from the feeds what was made of erased events.
func (n *running) eraseFeeds(ctx context.Context) error {
	orders, err := n.ledger.Erasures(ctx)
	if err != nil {
		return err
	}
	erased := map[events.Ref]bool{}
	whole := map[uint64]bool{}
	for _, o := range orders {
		switch {
		case !o.Done:
		case o.Whole():
			whole[uint64(o.Leaf)] = true
		default:
			erased[events.Ref{Leaf: uint64(o.Leaf), Event: int(*o.Event)}] = true
		}
	}
	if len(erased)+len(whole) == 0 {
		return nil
	}
	js, err := jetstream.New(n.projections)
	if err != nil {
		return err
	}
	gone, err := feeds.Erase(ctx, js, feeds.ViewsOf(views.All()), func(r events.Ref) bool { return erased[r] || whole[r.Leaf] })
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil // nothing was ever published
	case errors.Is(err, feeds.ErrKept):
		n.config.Log.Warn("feeds keep what was made of erased events for as long as they keep anything", "error", err)
		return nil
	case err != nil:
		return err
	case gone > 0:
		n.config.Log.Info("erased from the feeds what was made of erased events", "messages", gone)
	}
	return nil
}
