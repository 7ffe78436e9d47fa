package authority

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/saksi-ledger/saksi/ledger/retry"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/home"
)

// Target is an event, or a whole message, that is to be erased.
type Target struct {
	Leaf     uint64          `json:"leaf"`
	Event    *int            `json:"event,omitempty"` // place in the envelope, from 0; nil: the whole message
	Recorder string          `json:"recorder"`
	Verdict  formats.Verdict `json:"verdict"`
	Types    []string        `json:"types,omitempty"`
	Bytes    int             `json:"bytes"`

	texts [][]byte // that have to go
}

func (t Target) String() string {
	if t.Event == nil {
		return fmt.Sprint(t.Leaf)
	}
	return events.Ref{Leaf: t.Leaf, Event: *t.Event}.String()
}

// Targets returns what erasing an event, or a whole message if place is nil, takes with
// it: itself, and rejected messages that hold the same. It reads the ledger of the
// authority that runs it.
func Targets(ctx context.Context, h *home.Authority, leaf uint64, place *int) ([]Target, error) {
	d, err := openLedger(h)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	first, err := target(ctx, d, leaf, place)
	if err != nil {
		return nil, err
	}
	all := []Target{*first}
	if len(first.texts) == 0 {
		return nil, fmt.Errorf("erase %s: it is gone already", first)
	}
	checkpoint, err := d.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	for from := uint64(1); from < checkpoint.Size; {
		entries, err := d.Leaves(ctx, checkpoint, from)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Leaf.Verdict != formats.Rejected || e.Index == leaf {
				continue
			}
			body, err := d.Body(ctx, e.Index)
			if err != nil {
				return nil, err
			}
			for _, text := range first.texts {
				if !bytes.Contains(body, text) {
					continue
				}
				copied, err := target(ctx, d, e.Index, nil)
				if err != nil {
					return nil, err
				}
				all = append(all, *copied)
				break
			}
		}
		from += uint64(len(entries))
	}
	return all, nil
}

func openLedger(h *home.Authority) (*archive.Directory, error) {
	trust, err := h.Trust()
	if err != nil {
		return nil, err
	}
	log, err := trust.Ledgers[0].Log()
	if err != nil {
		return nil, err
	}
	return archive.OpenDirectory(h.LedgerDir(), log)
}

// target finds out what is to be erased of one leaf.
func target(ctx context.Context, d *archive.Directory, index uint64, place *int) (*Target, error) {
	fail := func(format string, args ...any) (*Target, error) {
		return nil, fmt.Errorf("erase leaf %d: %w", index, fmt.Errorf(format, args...))
	}
	checkpoint, err := d.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	if index >= checkpoint.Size {
		return fail("the ledger has %d leaves", checkpoint.Size)
	}
	entries, err := d.Leaves(ctx, checkpoint, index)
	if err != nil {
		return nil, err
	}
	leaf := entries[0].Leaf
	recorder, err := events.ParseSubject(leaf.Subject)
	if err != nil || !recorder.IsOperator() {
		return fail("it is not of an operator's recorder, and nothing else is erased")
	}
	body, err := d.Body(ctx, index)
	if err != nil {
		return nil, err
	}
	t := &Target{Leaf: index, Event: place, Recorder: recorder.String(), Verdict: leaf.Verdict}
	switch leaf.Verdict {
	case formats.Duplicate:
		return fail("it is a duplicate: its events lie with leaf %d", leaf.Of)
	case formats.Rejected:
		if place != nil {
			return fail("it was rejected: it is erased whole, without a place")
		}
		if len(body) > 0 {
			t.texts, t.Bytes = [][]byte{body}, len(body)
		}
		return t, nil
	}
	envelope, err := events.ParseEnvelope(body)
	if err != nil {
		return nil, err
	}
	if place != nil && (*place < 0 || *place >= len(envelope.Lines)) {
		return fail("it has %d events, the first is %d/0", len(envelope.Lines), index)
	}
	for i, line := range envelope.Lines {
		if len(line) == 0 || place != nil && i != *place {
			continue
		}
		event, err := events.ParseEvent(line)
		if err != nil {
			return nil, err
		}
		t.texts, t.Types, t.Bytes = append(t.texts, line), append(t.Types, event.Type), t.Bytes+len(line)
	}
	return t, nil
}

// Erase puts on record that targets are erased, an event for each, and returns the leaf
// of each.
func (r *Registrar) Erase(ctx context.Context, targets []Target, ground, order string) ([]uint64, error) {
	var leaves []uint64
	for _, t := range targets {
		data := events.BodyErased{Recorder: t.Recorder, Leaf: events.Integer(t.Leaf), Ground: ground, Order: order}
		if t.Event != nil {
			place := events.Integer(*t.Event)
			data.Event = &place
		}
		leaf, err := r.say(ctx, vocabulary.BodyErased.Of(data))
		if err != nil {
			return leaves, fmt.Errorf("erase %s: %w", t, err)
		}
		leaves = append(leaves, leaf)
	}
	return leaves, nil
}

// Found is what a search for erased bytes came to.
type Found struct {
	Files int      `json:"files"` // searched
	Bytes int64    `json:"bytes"` // in them
	Hits  []string `json:"hits"`  // files that hold some of it, below the home
}

const erasedPoll = 100 * time.Millisecond

// AwaitErased waits until the node has erased targets, its views included, and searches
// all that is kept below the home for their bytes. If a legal hold keeps one of them it
// returns that hold at once, as authority and number.
func AwaitErased(ctx context.Context, h *home.Authority, targets []Target) (found *Found, hold string, err error) {
	for {
		pending, done, err := standing(ctx, h, targets)
		if err != nil {
			return nil, "", err
		}
		if done {
			if _, err := os.Stat(h.ViewsMark()); errors.Is(err, os.ErrNotExist) {
				found, err := search(h.Dir(), targets)
				return found, "", err
			}
		}
		for _, e := range pending {
			if e.Hold != "" {
				return nil, e.Hold, nil
			}
			if e.Problem != "" {
				return nil, "", fmt.Errorf("it is on record, and can't be done: %s", e.Problem)
			}
		}
		if retry.Sleep(ctx, erasedPoll) != nil {
			return nil, "", hinted{fmt.Errorf("it is on record, and not yet erased: %w", ctx.Err()), "saksi doctor says what the node waits for"}
		}
	}
}

// standing returns where the orders to erase targets stand, and whether all are done.
func standing(ctx context.Context, h *home.Authority, targets []Target) (pending []archive.Erasure, done bool, err error) {
	registry, err := writer.ReadRegistry(h.LedgerDir())
	if err != nil {
		return nil, false, err
	}
	d, err := openLedger(h)
	if err != nil {
		return nil, false, err
	}
	defer d.Close()
	all, err := d.Erasures(ctx, registry)
	if err != nil {
		return nil, false, err
	}
	ordered := 0
	for _, e := range all {
		if !slices.ContainsFunc(targets, func(t Target) bool { return t.isOf(&e) }) {
			continue
		}
		ordered++
		if !e.Done {
			pending = append(pending, e)
		}
	}
	return pending, ordered >= len(targets) && len(pending) == 0, nil
}

func (t *Target) isOf(e *archive.Erasure) bool {
	if t.Leaf != uint64(e.Leaf) || (t.Event == nil) != e.Whole() {
		return false
	}
	return t.Event == nil || *t.Event == int(*e.Event)
}
