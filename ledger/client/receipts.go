package client

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Receipt is the proof of what became of one envelope.
type Receipt struct {
	Recorder    events.Recorder
	Incarnation uint64
	// First and Count are the sequence numbers of its events.
	First, Count uint64
	Manifest     events.Digest
	// Code is why it was rejected; empty if it was accepted.
	Code string
	// Proof was verified before it was stored.
	Proof *formats.Receipt
}

const selectReceipts = `SELECT e.id, r.name, e.incarnation, e.first, e.count, e.manifest, e.code, p.leaf_index, p.leaf, p.proof, c.note
	FROM envelope e JOIN recorder r ON r.id = e.recorder JOIN receipt p ON p.envelope = e.id JOIN checkpoint c ON c.id = p.checkpoint
	WHERE e.state != 0 AND `

func (o *Outbox) queryReceipts(ctx context.Context, where string, args ...any) (list []Receipt, last int64, err error) {
	rows, err := o.db.QueryContext(ctx, selectReceipts+where, args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		r := Receipt{Proof: &formats.Receipt{}}
		var name string
		var manifest, proof []byte
		if err := rows.Scan(&last, &name, &r.Incarnation, &r.First, &r.Count, &manifest, &r.Code,
			&r.Proof.Index, &r.Proof.Leaf, &proof, &r.Proof.Checkpoint); err != nil {
			return nil, 0, err
		}
		if r.Recorder, err = events.ParseRecorder(name); err != nil {
			return nil, 0, err
		}
		copy(r.Manifest[:], manifest)
		r.Proof.Proof = parseProof(proof)
		list = append(list, r)
	}
	return list, last, rows.Err()
}

// Receipt returns the receipt of the envelope with this manifest, and false if
// there is none yet.
func (o *Outbox) Receipt(ctx context.Context, manifest events.Digest) (Receipt, bool, error) {
	list, _, err := o.queryReceipts(ctx, "e.manifest = ?", manifest[:])
	if err != nil {
		return Receipt{}, false, fmt.Errorf("outbox %s: read the receipt of %s: %w", o.path, manifest, err)
	}
	if len(list) == 0 {
		return Receipt{}, false, nil
	}
	return list[0], true, nil
}

// ReceiptOf returns the receipt of the envelope that carries an event, named by
// its id, and false if the outbox doesn't know the event or has no receipt yet.
func (o *Outbox) ReceiptOf(ctx context.Context, recorder events.Recorder, eventID string) (Receipt, bool, error) {
	fail := func(err error) (Receipt, bool, error) {
		return Receipt{}, false, fmt.Errorf("outbox %s: read the receipt of event %s: %w", o.path, clip(eventID), err)
	}
	var incarnation, seq, id int64
	err := o.db.QueryRowContext(ctx, "SELECT incarnation, seq, recorder FROM event WHERE recorder = (SELECT id FROM recorder WHERE name = ?) AND id = ?", recorder.String(), eventID).
		Scan(&incarnation, &seq, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return Receipt{}, false, nil
	} else if err != nil {
		return fail(err)
	}
	list, _, err := o.queryReceipts(ctx, "e.recorder = ? AND e.incarnation = ? AND e.first <= ? ORDER BY e.first DESC LIMIT 1", id, incarnation, seq)
	switch {
	case err != nil:
		return fail(err)
	case len(list) == 0 || list[0].First+list[0].Count <= uint64(seq):
		return Receipt{}, false, nil
	}
	return list[0], true, nil
}

// Receipts iterates over all receipts in the order in which their envelopes were
// added. The outbox may be used, and added to, meanwhile.
func (o *Outbox) Receipts(ctx context.Context) iter.Seq2[Receipt, error] {
	return func(yield func(Receipt, error) bool) {
		const page = 500
		for last := int64(0); ; {
			list, end, err := o.queryReceipts(ctx, "e.id > ? ORDER BY e.id LIMIT ?", last, page)
			if err != nil {
				yield(Receipt{}, fmt.Errorf("outbox %s: read receipts: %w", o.path, err))
				return
			}
			for _, r := range list {
				if !yield(r, nil) {
					return
				}
			}
			if len(list) < page {
				return
			}
			last = end
		}
	}
}

// FileName returns the name under which [Outbox.ExportReceipts] writes r:
// recorder, incarnation and first sequence number.
func (r *Receipt) FileName() string {
	kind := ""
	if r.Code != "" {
		kind = ".rejected"
	}
	return fmt.Sprintf("%s-%d-%d%s.tlog-proof", strings.ReplaceAll(r.Recorder.String(), "/", "."), r.Incarnation, r.First, kind)
}

// ExportReceipts writes each receipt, as a tlog-proof file of its own, into dir,
// which is made if need be. Files that are there already are left alone. It
// returns how many it wrote. On an error, what was written so far is whole.
func (o *Outbox) ExportReceipts(ctx context.Context, dir string) (n int, err error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("export receipts: %w", err)
	}
	for r, err := range o.Receipts(ctx) {
		if err != nil {
			return n, fmt.Errorf("export receipts to %s: %w", dir, err)
		}
		path := filepath.Join(dir, r.FileName())
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		if err := durable.WriteData(path, r.Proof.Marshal(), 0o600); err != nil {
			return n, fmt.Errorf("export receipts: %w", err)
		}
		n++
	}
	if err := durable.SyncDir(dir); err != nil {
		return n, fmt.Errorf("export receipts: %w", err)
	}
	return n, nil
}

// Disclosure is a disclosure that is kept, and the event it belongs to.
type Disclosure struct {
	Recorder   events.Recorder
	Event      string
	Disclosure events.Disclosure
}

// Disclosures returns what opens the digests in one event's data; nothing if it
// was erased, or never was.
func (o *Outbox) Disclosures(ctx context.Context, recorder events.Recorder, eventID string) ([]Disclosure, error) {
	return o.queryDisclosures(ctx, "r.name = ? AND d.event = ? ORDER BY d.digest", recorder.String(), eventID)
}

// Disclosure returns what opens a digest, as it stands in an event's _sd, and
// false if nothing does (any more).
func (o *Outbox) Disclosure(ctx context.Context, digest string) (Disclosure, bool, error) {
	list, err := o.queryDisclosures(ctx, "d.digest = ?", digest)
	if err != nil || len(list) == 0 {
		return Disclosure{}, false, err
	}
	return list[0], true, nil
}

func (o *Outbox) queryDisclosures(ctx context.Context, where string, args ...any) ([]Disclosure, error) {
	fail := func(err error) ([]Disclosure, error) {
		return nil, fmt.Errorf("outbox %s: read disclosures: %w", o.path, err)
	}
	rows, err := o.db.QueryContext(ctx, "SELECT r.name, d.event, d.disclosure FROM disclosure d JOIN recorder r ON r.id = d.recorder WHERE "+where, args...)
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	var list []Disclosure
	for rows.Next() {
		var d Disclosure
		var name string
		if err := rows.Scan(&name, &d.Event, &d.Disclosure); err != nil {
			return fail(err)
		}
		if d.Recorder, err = events.ParseRecorder(name); err != nil {
			return fail(err)
		}
		list = append(list, d)
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return list, nil
}

// EraseDisclosures forgets what opens the digests in one event's data,
// overwriting it in the file. Every proof still holds. It returns how many there
// were.
func (o *Outbox) EraseDisclosures(ctx context.Context, recorder events.Recorder, eventID string) (int, error) {
	o.addMu.Lock()
	defer o.addMu.Unlock()
	n, err := o.erase(ctx, "DELETE FROM disclosure WHERE recorder = (SELECT id FROM recorder WHERE name = ?) AND event = ?", recorder.String(), eventID)
	if err == nil {
		_, err = o.erase(ctx, "DELETE FROM sealed WHERE recorder = (SELECT id FROM recorder WHERE name = ?) AND event = ?", recorder.String(), eventID)
	}
	if err != nil {
		return 0, fmt.Errorf("outbox %s: erase disclosures of event %s: %w", o.path, clip(eventID), err)
	}
	return int(n), nil
}
