package monitor

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/ledger/formats"
	ledgerhttp "github.com/saksi-ledger/saksi/ledger/http"
	"github.com/saksi-ledger/saksi/ledger/tiles"
	"github.com/saksi-ledger/saksi/ledger/verify"
)

// relation is how a signed checkpoint stands to the newest that is kept.
type relation int

const (
	same relation = iota
	older
	newer
	forked
	unknown // the hashes that would tell don't come
)

// compare says how c, which the log has signed, stands to all that is kept. Of a fork
// it returns the proof. With a reader the served tiles are asked where what is kept
// doesn't tell; with unknown comes the reason.
func (k *kept) compare(ctx context.Context, c *formats.Checkpoint, reader *ledgerhttp.Reader) (relation, *verify.Fork, error) {
	switch {
	case c.Size == k.newest.Size && c.Root == k.newest.Root:
		return same, nil, nil
	case c.Size == k.newest.Size:
		return prove(k.newest, c, nil)
	case c.Size == 0:
		return older, nil, nil
	case c.Size < k.newest.Size:
		if c.Size <= k.Read {
			root, err := k.hashes.root(c.Size)
			if err != nil || root == c.Root {
				return older, nil, err
			}
		}
		if k.proven != nil && c.Size <= k.proven.Size {
			return prove(c, k.proven, k.hashes)
		}
		return k.compareServed(ctx, c, k.newest, reader)
	}
	return k.compareServed(ctx, k.newest, c, reader)
}

// compareServed compares by the tiles of the larger tree, one of which is newest.
func (k *kept) compareServed(ctx context.Context, smaller, larger *formats.Checkpoint, reader *ledgerhttp.Reader) (relation, *verify.Fork, error) {
	if reader == nil {
		return unknown, nil, fmt.Errorf("what is kept does not tell whether the tree of %d leaves continues that of %d", larger.Size, smaller.Size)
	}
	hashes := tiles.New(reader).Tree(ctx, larger.Tree())
	root, err := tlog.TreeHash(int64(smaller.Size), hashes)
	switch {
	case err != nil:
		return unknown, nil, err
	case root != smaller.Root:
		return prove(smaller, larger, hashes)
	case larger == k.newest:
		return older, nil, nil
	}
	return newer, nil, nil
}

// prove makes proof of what was found to be a fork.
func prove(x, y *formats.Checkpoint, hashes tlog.HashReader) (relation, *verify.Fork, error) {
	fork, err := verify.ProveFork(x, y, hashes)
	switch {
	case errors.Is(err, verify.ErrOneTree):
		return unknown, nil, fmt.Errorf("what is kept contradicts itself: %w", err)
	case err != nil:
		return unknown, nil, err
	}
	return forked, fork, nil
}

// foundFork keeps the proof and raises the alarm.
func (m *Monitor) foundFork(k *kept, c *formats.Checkpoint, fork *verify.Fork, from string) error {
	statement, err := verify.VerifyFork(fork.Marshal(), m.config.Trust)
	if err != nil {
		return fmt.Errorf("a proof that was made does not hold: %w", err)
	}
	path, err := k.keepProof(fmt.Sprintf(forkPattern, statement.Older.Size, statement.Newer.Size), fork.Marshal())
	if err != nil {
		return err
	}
	text := fmt.Sprintf("the ledger has signed a tree of %d leaves, shown here, that is not the one it had signed before with %d", c.Size, statement.Newer.Size)
	switch {
	case statement.Older.Size == statement.Newer.Size:
		text = fmt.Sprintf("the ledger has signed two different trees of %d leaves", c.Size)
	case c.Size == statement.Newer.Size:
		text = fmt.Sprintf("the ledger has signed a tree of %d leaves, shown here, that does not continue its tree of %d", c.Size, statement.Older.Size)
	}
	return m.alarm(k, Sighting{Kind: Forked, From: from, Size: c.Size, Root: &c.Root, Proof: path, Text: text})
}

// elsewhere compares a signed checkpoint that stands somewhere else than where the
// ledger is served. One that can't be compared yet is kept until it can.
func (m *Monitor) elsewhere(ctx context.Context, k *kept, c *formats.Checkpoint, from, what string, reader *ledgerhttp.Reader) (agrees bool, err error) {
	if k.newest == nil {
		return false, m.putOff(k, c, from, what, "no checkpoint of the ledger was seen yet")
	}
	rel, fork, err := k.compare(ctx, c, reader)
	switch rel {
	case same, older:
		return true, nil
	case newer: // the address that shows it may be behind, and says so itself
		return true, m.putOff(k, c, from, what, "the ledger's address shows less")
	case forked:
		return false, m.foundFork(k, c, fork, from)
	}
	if ctx.Err() != nil {
		return false, nil
	}
	return false, m.putOff(k, c, from, what, err.Error())
}

// putOff keeps a checkpoint until it can be compared.
func (m *Monitor) putOff(k *kept, c *formats.Checkpoint, from, what, why string) error {
	m.report(k, Sighting{Level: Trouble, Kind: Withheld, From: from, Size: c.Size, Root: &c.Root,
		Text: fmt.Sprintf("%s of %d leaves can't be compared yet, and is kept: %s", what, c.Size, why)})
	if k.wait(c) {
		return k.save()
	}
	return nil
}

// retry compares what could not be compared before.
func (m *Monitor) retry(k *kept) error {
	if k.newest == nil || len(k.Pending) == 0 {
		return nil
	}
	var left []string
	for _, note := range k.Pending {
		c, err := k.log.OpenCheckpoint([]byte(note))
		if err != nil {
			continue // it was signed when it was kept
		}
		rel, fork, _ := k.compare(context.Background(), c, nil)
		switch rel {
		case same, older:
			m.report(k, Sighting{Level: Info, Kind: Agrees, Size: c.Size, Root: &c.Root,
				Text: fmt.Sprintf("a checkpoint of %d leaves that could not be compared before is of this tree", c.Size)})
		case forked:
			if err := m.foundFork(k, c, fork, "a checkpoint that was kept"); err != nil {
				return err
			}
		default:
			left = append(left, note)
		}
	}
	if len(left) == len(k.Pending) {
		return nil
	}
	k.Pending = left
	return k.save()
}
