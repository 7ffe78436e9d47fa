package monitor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// saveEvery is how many leaves are read between two times that they are made durable.
const saveEvery = 16 << 10

// view is one address, looked at once.
type view struct {
	*Monitor
	kept   *kept
	reader *ledgerhttp.Reader
	url    string
	// withheld says that tiles did not come in this look.
	withheld bool
}

func (v *view) say(level Level, kind Kind, c *formats.Checkpoint, format string, args ...any) {
	s := Sighting{Level: level, Kind: kind, From: v.url, Text: fmt.Sprintf(format, args...)}
	if c != nil {
		s.Size, s.Root = c.Size, &c.Root
	}
	v.report(v.kept, s)
}

// look takes the checkpoint that is shown, reads the leaves that it adds, and what
// others say of it.
func (v *view) look(ctx context.Context, c *formats.Checkpoint) error {
	k := v.kept
	continues, err := v.take(ctx, c)
	if err != nil {
		return err
	}
	if continues {
		if err := v.read(ctx); err != nil {
			return err
		}
	}
	if k.newest != nil && ctx.Err() == nil {
		if err := v.anchors(ctx); err != nil {
			return err
		}
		if err := v.cosigned(ctx); err != nil {
			return err
		}
	}
	return v.retry(k)
}

// take compares the checkpoint that is shown with all that is kept, and makes it the
// newest if it continues it. It reports whether what is served is the newest tree.
func (v *view) take(ctx context.Context, c *formats.Checkpoint) (bool, error) {
	k := v.kept
	if k.newest == nil {
		return v.begin(ctx, c)
	}
	if err := v.place(ctx, c, nil); err != nil { // the last process may have ended before it could
		return false, err
	}
	if v.trees[len(v.trees)-1] != k.Origin {
		v.say(Trouble, WentBack, c, "it shows %s again, after %s had taken its place", k.Origin, v.trees[len(v.trees)-1])
	}
	rel, fork, err := k.compare(ctx, c, v.reader)
	switch rel {
	case same:
		return true, nil
	case older:
		v.say(Trouble, WentBack, c, "it shows a tree of %d leaves, and one of %d was seen before: an old view, or an old copy put back", c.Size, k.newest.Size)
		return false, err
	case forked:
		return false, v.foundFork(k, c, fork, v.url)
	case unknown:
		if k.wait(c) {
			if err := k.save(); err != nil {
				return false, err
			}
		}
		v.say(Trouble, Withheld, c, "it shows a signed tree of %d leaves and does not prove that it continues that of %d: %v", c.Size, k.newest.Size, err)
		return false, nil
	}
	before := k.newest.Size
	if err := v.advance(c); err != nil {
		return false, err
	}
	v.say(Info, Grew, c, "%d leaves, %d more", c.Size, c.Size-before)
	return true, nil
}

// advance makes c, which continues all that is kept, the newest. It is durable when
// advance returns.
func (v *view) advance(c *formats.Checkpoint) error {
	k := v.kept
	now := v.config.Now()
	if err := k.note(c, v.url, now); err != nil {
		return err
	}
	k.newest, k.Checkpoint, k.Seen = c, string(c.Note), now
	return k.save()
}

// begin takes the first checkpoint of a tree, if its first leaf is the genesis that the
// trust file names.
func (v *view) begin(ctx context.Context, c *formats.Checkpoint) (bool, error) {
	k := v.kept
	if c.Size == 0 {
		v.say(Trouble, Withheld, c, "it shows a tree of no leaves")
		return false, nil
	}
	leaves, err := v.reader.Leaves(ctx, c, 0)
	if err != nil {
		v.say(Trouble, Withheld, c, "it shows a signed tree of %d leaves and does not prove the first of them: %v", c.Size, err)
		return false, nil
	}
	if tlog.RecordHash(leaves[0].Raw) != k.trusted.Genesis {
		// The tree is kept nowhere, so that the alarm needs a place in the list.
		if err := v.follow(k.Origin); err != nil {
			return false, err
		}
		return false, v.alarm(k, Sighting{Kind: Genesis, From: v.url, Size: c.Size, Root: &c.Root,
			Text: fmt.Sprintf("the first leaf of the tree that the log has signed with %d leaves is not the genesis that the trust file names", c.Size)})
	}
	if err := v.advance(c); err != nil {
		return false, err
	}
	v.say(Info, Began, c, "%d leaves, from the genesis that the trust file names", c.Size)
	return true, v.place(ctx, c, &leaves[0])
}

// place gives a tree its place after the one that was watched before, if there is one.
// genesis is leaf 0, or nil if it is to be asked for.
func (v *view) place(ctx context.Context, c *formats.Checkpoint, genesis *ledger.Entry) error {
	if slices.Contains(v.trees, v.kept.Origin) {
		return nil
	}
	if len(v.trees) > 0 {
		before := v.Monitor.kept[v.trees[len(v.trees)-1]]
		if genesis == nil {
			leaves, err := v.reader.Leaves(ctx, c, 0)
			if err == nil && tlog.RecordHash(leaves[0].Raw) == v.kept.trusted.Genesis {
				genesis = &leaves[0]
			}
		}
		if genesis != nil {
			if err := v.succeed(ctx, before, c, *genesis); err != nil {
				return err
			}
		}
	}
	return v.follow(v.kept.Origin)
}

// read reads the leaves that the newest checkpoint adds, and keeps their hashes.
func (v *view) read(ctx context.Context) error {
	k := v.kept
	saved := k.Read
	if k.Read < k.newest.Size {
		err := v.reader.Follow(ctx, k.newest, k.Read, func(entries []ledger.Entry) error {
			for _, e := range entries {
				if err := v.leaf(ctx, e); err != nil {
					return err
				}
			}
			if k.Read-saved >= saveEvery {
				saved = k.Read
				return k.save()
			}
			return nil
		})
		var own ownError
		switch {
		case errors.As(err, &own):
			return own.error
		case err != nil:
			v.say(Trouble, Withheld, k.newest, "leaves from %d on do not come: %v", k.Read, err)
		}
	}
	if k.Read == k.newest.Size && (k.proven == nil || k.proven.Size < k.Read) {
		root, err := k.hashes.root(k.Read)
		if err == nil && root != k.newest.Root {
			err = fmt.Errorf("the leaves that were read do not have the root of the tree of %d leaves", k.Read)
		}
		if err != nil {
			return hinted{err, damagedHint}
		}
		k.proven, k.Proven = k.newest, k.Checkpoint
		if err := v.proveOrders(); err != nil {
			return err
		}
	}
	if k.Read != saved || k.proven == k.newest {
		return k.save()
	}
	return nil
}

// ownError is a failure of the monitor's, and not of what it watches.
type ownError struct{ error }

// leaf takes the next leaf, which stands under the newest checkpoint, and checks that
// leaves are in the order of the stream (docs/formats.md).
func (v *view) leaf(ctx context.Context, e ledger.Entry) error {
	k := v.kept
	last, leaf := k.Leaf, e.Leaf
	own := leaf.Subject == events.LedgerRecorder.Subject()
	broken := verify.Disorder(e.Index, last, leaf)
	if broken == "" && last != nil && leaf.Epoch != last.Epoch {
		v.report(k, Sighting{Level: Info, Kind: Epoch, From: v.url, Leaf: &e.Index,
			Text: fmt.Sprintf("epoch %d begins at leaf %d: the ledger's stream was lost or replaced, and it goes on after message %d", leaf.Epoch, e.Index, leaf.Seq)})
	}
	out := outOfOrder{Index: e.Index, Before: k.Last, Leaf: string(e.Raw)}
	if err := k.hashes.add(e.Raw); err != nil {
		return ownError{err}
	}
	k.Read, k.Last, k.Leaf = e.Index+1, string(e.Raw), leaf
	if !own {
		k.Spoken = k.Read
		if k.WaitsSince.IsZero() {
			k.WaitsSince = v.config.Now()
		}
	}
	if broken == "" {
		return nil
	}
	if err := v.foundDisorder(ctx, out, broken); err != nil {
		return ownError{err}
	}
	return nil
}
