package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// What a site without a network sends and gets back, as files of JSON Lines. The first
// line of each says what it is.
const (
	ParcelFormat = "saksi-parcel-v1"
	ReplyFormat  = "saksi-reply-v1"
	// MaxParcelLine bounds a line of either, in bytes.
	MaxParcelLine = 1 << 20
)

// ParcelHead begins a parcel: whose envelopes follow, and for which ledger.
type ParcelHead struct {
	Format string `json:"format"`
	Key    string `json:"key"` // the log's verifier key
	Party  string `json:"party"`
	// Seen is the size of the newest tree that the outbox knows, 0 if none: the reply
	// proves that it goes on from there.
	Seen uint64 `json:"seen"`
}

// Parcelled is a line of a parcel: an envelope.
type Parcelled struct {
	Subject string `json:"subject"`
	Body    []byte `json:"body"`
}

// ReplyHead begins a reply: the checkpoint that all receipts in it are under, and the
// proof that its tree goes on from the one that the parcel names.
type ReplyHead struct {
	Format      string      `json:"format"`
	Checkpoint  []byte      `json:"checkpoint"` // a signed note
	Seen        uint64      `json:"seen"`
	Consistency []tlog.Hash `json:"consistency,omitempty"`
}

// Replied is a line of a reply: what became of an envelope.
type Replied struct {
	Manifest events.Digest `json:"manifest"`
	Receipt  []byte        `json:"receipt"` // a tlog-proof under the reply's checkpoint
	Reason   string        `json:"reason,omitempty"`
}

// Export writes what waits in the outbox of a party to w, as a parcel, in its order. It
// returns how many envelopes there are, and how many events in them. They go on waiting
// until a reply, or the ledger itself, has proven where they are.
func (o *Outbox) Export(ctx context.Context, log *formats.Log, party string, w io.Writer) (envelopes, count int, err error) {
	fail := func(err error) (int, int, error) { return 0, 0, fmt.Errorf("outbox %s: export: %w", o.path, err) }
	if err := o.bind(ctx, log); err != nil {
		return fail(err)
	}
	head := ParcelHead{Format: ParcelFormat, Key: log.Key(), Party: party}
	if seen := o.Checkpoint(); seen != nil {
		head.Seen = seen.Size
	}
	lines := json.NewEncoder(w)
	if err := lines.Encode(head); err != nil {
		return fail(err)
	}
	limit, err := o.lastEnvelope(ctx)
	if err != nil {
		return fail(err)
	}
	for after := int64(0); ; {
		items, _, err := o.loadPending(ctx, after, limit, 64)
		if err != nil {
			return fail(err)
		}
		if len(items) == 0 {
			return envelopes, count, nil
		}
		bodies, err := o.bodies(ctx, items)
		if err != nil {
			return fail(err)
		}
		for i, it := range items {
			after = it.id
			envelope, err := events.ParseEnvelope(bodies[i])
			if err != nil {
				return fail(err)
			}
			if envelope.Manifest.Recorder.Party() != party {
				continue
			}
			if err := lines.Encode(Parcelled{Subject: envelope.Manifest.Recorder.Subject(), Body: bodies[i]}); err != nil {
				return fail(err)
			}
			envelopes++
			count += len(envelope.Lines)
		}
	}
}

// Received is what [Outbox.Receive] took in.
type Received struct {
	Receipts int `json:"receipts"` // verified, of envelopes that were accepted
	Events   int `json:"events"`   // in them
	Rejected int `json:"rejected"`
	Known    int `json:"known"` // that had their receipts already, or are another outbox's
}

// Receive takes in a reply. Its checkpoint must be the ledger's and go on from the newest
// that the outbox has seen, and every receipt must hold and be of an envelope that was
// sent; otherwise nothing of it is taken in. A ledger that contradicts itself is a
// [ForkError], and both checkpoints are kept. Receiving a reply again is no error.
func (o *Outbox) Receive(ctx context.Context, log *formats.Log, r io.Reader) (Received, error) {
	var done Received
	fail := func(err error) (Received, error) {
		return Received{}, fmt.Errorf("outbox %s: take in a reply: %w", o.path, err)
	}
	if !o.flushMu.TryLock() {
		return fail(errors.New("a flush is running"))
	}
	defer o.flushMu.Unlock()
	if err := o.bind(ctx, log); err != nil {
		return fail(err)
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), MaxParcelLine)
	if !lines.Scan() {
		return fail(errors.Join(lines.Err(), errors.New("it is empty")))
	}
	checkpoint, err := o.openReply(ctx, log, lines.Bytes())
	if err != nil {
		return fail(err)
	}
	pending, err := o.pendingByManifest(ctx)
	if err != nil {
		return fail(err)
	}
	var list []settled
	for n := 2; lines.Scan(); n++ {
		var line Replied
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fail(fmt.Errorf("line %d: %w", n, err))
		}
		it := pending[line.Manifest]
		if it == nil {
			done.Known++
			continue
		}
		s, err := it.proven(log, checkpoint, line)
		if err != nil {
			return fail(fmt.Errorf("line %d: %w", n, err))
		}
		delete(pending, line.Manifest)
		list = append(list, *s)
		if s.code != "" {
			done.Rejected++
			continue
		}
		done.Receipts++
		done.Events += int(it.count)
	}
	if err := lines.Err(); err != nil {
		return fail(err)
	}
	slices.SortFunc(list, func(a, b settled) int { return int(a.id - b.id) })
	if err := o.settle(ctx, checkpoint, list); err != nil {
		return Received{}, err
	}
	return done, nil
}

// openReply reads a reply's first line, and holds its checkpoint to what was seen.
func (o *Outbox) openReply(ctx context.Context, log *formats.Log, line []byte) (*formats.Checkpoint, error) {
	var head ReplyHead
	if err := json.Unmarshal(line, &head); err != nil || head.Format != ReplyFormat {
		return nil, hint("saksi ledger receive --reply FILE writes one", "it is no reply of a ledger")
	}
	checkpoint, err := log.OpenCheckpoint(head.Checkpoint)
	if err != nil {
		return nil, err
	}
	seen := o.Checkpoint()
	switch {
	case seen == nil:
		return checkpoint, nil
	case seen.Size == checkpoint.Size && seen.Root != checkpoint.Root:
		return nil, o.keep(ctx, &ForkError{Origin: log.Origin(), Seen: seen, Got: checkpoint})
	case seen.Size == checkpoint.Size:
		return checkpoint, nil
	case seen.Size > checkpoint.Size:
		return nil, hint("export again, and have the ledger receive that", "it is older than what this outbox has seen: %d leaves, and %d are known", checkpoint.Size, seen.Size)
	case head.Seen != seen.Size:
		return nil, hint("export again, and have the ledger receive that", "it goes on from %d leaves, and this outbox has seen %d since", head.Seen, seen.Size)
	}
	if err := tlog.CheckTree(head.Consistency, int64(checkpoint.Size), checkpoint.Root, int64(seen.Size), seen.Root); err != nil {
		// A proof that was damaged on the way shows no fork.
		return nil, hint("have the ledger receive the parcel again; if that doesn't help, saksi outbox flush from a network looks at the ledger itself",
			"it doesn't prove that the ledger's tree of %d leaves goes on from that of %d: %w", checkpoint.Size, seen.Size, err)
	}
	return checkpoint, nil
}

func (o *Outbox) pendingByManifest(ctx context.Context) (map[events.Digest]*item, error) {
	limit, err := o.lastEnvelope(ctx)
	if err != nil {
		return nil, err
	}
	all := map[events.Digest]*item{}
	for after := int64(0); ; {
		items, _, err := o.loadPending(ctx, after, limit, 1000)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return all, nil
		}
		for _, it := range items {
			all[it.manifest], after = it, it.id
		}
	}
}

// proven holds a line of a reply to the envelope that it is about.
func (it *item) proven(log *formats.Log, checkpoint *formats.Checkpoint, line Replied) (*settled, error) {
	receipt, err := formats.ParseReceipt(line.Receipt)
	if err != nil {
		return nil, err
	}
	leaf, cp, err := log.VerifyReceipt(receipt)
	switch {
	case err != nil:
		return nil, err
	case cp.Size != checkpoint.Size || cp.Root != checkpoint.Root:
		return nil, errors.New("the receipt is under another checkpoint than the reply's")
	}
	s := &settled{item: it, leaf: receipt.Index, entry: receipt.Leaf, proof: receipt.Proof}
	switch leaf.Verdict {
	case formats.Accepted:
		if leaf.Digest != it.line1 || leaf.First != it.first || leaf.Count != it.count {
			return nil, fmt.Errorf("leaf %d is not of the envelope from sequence number %d", receipt.Index, it.first)
		}
		return s, nil
	case formats.Rejected:
		if leaf.Digest != it.whole {
			return nil, fmt.Errorf("leaf %d is not of the envelope from sequence number %d", receipt.Index, it.first)
		}
		s.code, s.reason = leaf.Code, clip(line.Reason)
		return s, nil
	}
	return nil, fmt.Errorf("leaf %d says neither that the envelope was accepted nor that it was rejected", receipt.Index)
}
