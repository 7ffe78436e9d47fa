package client

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"filippo.io/torchwood"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// formerSchema holds the ledgers that the outbox was bound to before: the newest checkpoint
// it had seen of each, the last one that its successor goes by, and up to which of the
// outbox's checkpoints receipts are of it, or of one before it.
const formerSchema = `
CREATE TABLE former(id INTEGER PRIMARY KEY, key TEXT NOT NULL, seen BLOB, last BLOB NOT NULL, checkpoint INTEGER NOT NULL);
`

// ofFormer is, in SQL, up to which checkpoint receipts are of ledgers before this one.
const ofFormer = "(SELECT coalesce(max(checkpoint), 0) FROM former)"

// Succession is a ledger's taking the place of the one that an outbox is bound to.
type Succession struct {
	// From is the ledger before, To the one that takes its place.
	From, To *formats.Log
	// Last is From's last checkpoint, as To's genesis has it: a signed note.
	Last []byte
	// HTTP is below which From's tiles are served, up to Last at the least.
	HTTP string
	// Place is what errors call it; HTTP unless set.
	Place string
	// HTTPClient fetches them; one with a timeout of 10 s unless set.
	HTTPClient *http.Client
	// Unproven has the outbox move where the tiles can't be had, or where it was shown
	// another tree of From than the one that ended: what has no receipt is published to To
	// then, though it may stand in From.
	Unproven bool
	// Drop gives up what has no receipt, and begins recorders' next incarnations. It is for
	// the acts of authorities, which name leaves of From.
	Drop bool
	// Progress may be nil.
	Progress func(done, total uint64)
}

// Moved says what became of what an outbox holds.
type Moved struct {
	// Found are receipts of the ledger before that the outbox had not got yet.
	Found Received `json:"found"`
	// Waiting has no receipt of the ledger before: it is published to the one that takes
	// its place. Dropped was given up instead.
	Waiting Volume `json:"waiting"`
	Dropped Volume `json:"dropped"`
	// Behind has receipts of the ledger before under checkpoints after its last: they
	// prove what its successor doesn't know of.
	Behind Volume `json:"behind"`
	// Disclosures were on their way, and encrypted to recipients of the ledger before: they
	// are not sent. What they disclose stays in the outbox.
	Disclosures int64 `json:"disclosures"`
	// Again says that the outbox had moved already. Kept are its receipts of ledgers before,
	// found at the move or had before it; they are counted only then.
	Again bool   `json:"again,omitempty"`
	Kept  Volume `json:"kept,omitzero"`
}

// MovedBefore says what an outbox holds that has moved, for who asks again; ok is false if it
// never has.
func (o *Outbox) MovedBefore(ctx context.Context) (moved Moved, ok bool, err error) {
	formers, err := o.Formers(ctx)
	if err != nil || len(formers) == 0 {
		return Moved{}, false, err
	}
	if moved, err = o.again(ctx); err != nil {
		return Moved{}, false, fmt.Errorf("outbox %s: read what was moved: %w", o.path, err)
	}
	return moved, true, nil
}

func (o *Outbox) again(ctx context.Context) (Moved, error) {
	moved := Moved{Again: true}
	return moved, errors.Join(
		o.volume(ctx, &moved.Waiting, "state = 0"),
		o.volume(ctx, &moved.Kept, "state = 1 AND EXISTS (SELECT 1 FROM receipt p WHERE p.envelope = envelope.id AND p.checkpoint <= "+ofFormer+")"),
	)
}

// Move binds the outbox to a ledger that takes the place of the one it is bound to. First it
// looks in the tree of that one, under its last checkpoint, for whatever has no receipt, and
// stores the receipts that it finds; then, in one transaction, it turns to the new ledger.
// Receipts stay, and so do numbers, keys and ids of events: a recorder goes on with the number
// and the manifest after its last. Saying it again after an interruption goes on.
func (o *Outbox) Move(ctx context.Context, s Succession) (Moved, error) {
	fail := func(err error) (Moved, error) {
		return Moved{}, fmt.Errorf("move outbox %s from %s to %s: %w", o.path, s.From.Origin(), s.To.Origin(), err)
	}
	if !o.flushMu.TryLock() {
		return fail(errors.New("a flush is running"))
	}
	defer o.flushMu.Unlock()
	o.addMu.Lock()
	defer o.addMu.Unlock()
	last, err := s.From.OpenCheckpoint(s.Last)
	if err != nil {
		return fail(fmt.Errorf("the last checkpoint of the ledger before: %w", err))
	}
	var moved Moved
	key, err := o.boundTo(ctx)
	switch {
	case err != nil:
		return fail(err)
	case key == s.To.Key():
		if moved, err = o.again(ctx); err != nil {
			return fail(err)
		}
		return moved, nil
	case key != "" && key != s.From.Key():
		return fail(fmt.Errorf("it belongs to the ledger with the key %s", key))
	}
	if !s.Drop {
		if moved.Found, err = o.settleFormer(ctx, &s, last); err != nil {
			return fail(err)
		}
	}
	if err := o.turn(ctx, &s, last, &moved); err != nil {
		return fail(err)
	}
	o.seenMu.Lock()
	o.seen = nil
	o.seenMu.Unlock()
	o.wake()
	return moved, nil
}

// boundTo returns the key of the ledger that the outbox is bound to; empty: none yet.
func (o *Outbox) boundTo(ctx context.Context) (key string, err error) {
	err = o.db.QueryRowContext(ctx, "SELECT key FROM latest").Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return key, err
}

func (o *Outbox) volume(ctx context.Context, v *Volume, where string, args ...any) error {
	return o.db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(count), 0), coalesce(sum(size), 0) FROM envelope WHERE "+where, args...).
		Scan(&v.Envelopes, &v.Events, &v.Bytes)
}

// settleFormer stores what receipts there are of what waits.
func (o *Outbox) settleFormer(ctx context.Context, s *Succession, last *formats.Checkpoint) (Received, error) {
	seen := o.Checkpoint()
	if seen != nil && seen.Size == last.Size && seen.Root != last.Root {
		if err := o.forked(ctx, s, &ForkError{Origin: last.Origin, Seen: seen, Got: last}); err != nil {
			return Received{}, err
		}
	}
	var waits Volume
	if err := o.volume(ctx, &waits, "state = 0"); err != nil {
		return Received{}, err
	}
	grew := seen != nil && seen.Size > 0 && seen.Size < last.Size
	if s.Unproven || waits.Envelopes == 0 && !grew {
		return Received{}, nil
	}
	unread := func(err error) (Received, error) {
		if ctx.Err() != nil {
			return Received{}, ctx.Err()
		}
		return Received{}, hint("nothing has changed: try again when its tree can be read, or name another address or a copy of it with --predecessor; "+
			"if nobody has one, --unproven sends to the new ledger what may stand in the old one", "read the tree of %s at %s: %w", last.Origin, cmp.Or(s.Place, s.HTTP), err)
	}
	t, err := newTiles(s.HTTP, s.HTTPClient)
	if err != nil {
		return unread(err)
	}
	if grew {
		continues, err := t.consistent(ctx, seen.Tree(), last.Tree())
		if err != nil {
			return unread(err)
		}
		if !continues {
			return Received{}, o.forked(ctx, s, &ForkError{Origin: last.Origin, Seen: seen, Got: last})
		}
	}
	if waits.Envelopes == 0 {
		return Received{}, nil
	}
	f := &flush{client: &Client{config: Config{Log: s.From}, tiles: t}, outbox: o, tracked: map[int64]bool{}}
	found, err := f.find(ctx, last, s.Progress)
	if err != nil {
		return unread(err)
	}
	for some := range slices.Chunk(found, batch) {
		list, err := f.prove(ctx, last, some)
		if err != nil {
			return unread(err)
		}
		if err := o.store(ctx, last, list, seen == nil || seen.Size <= last.Size); err != nil {
			return Received{}, err
		}
		for i := range list {
			f.count(&list[i])
		}
	}
	return Received{Receipts: f.result.Envelopes, Events: f.result.Events, Rejected: f.result.Rejected}, nil
}

// forked keeps what shows that the outbox was shown another tree than the one that ended:
// that is an error, unless the move is to be made all the same.
func (o *Outbox) forked(ctx context.Context, s *Succession, fork *ForkError) error {
	if err := o.note(ctx, fork); err != nil || !s.Unproven {
		return errors.Join(hint("what shows it is kept: saksi outbox evidence; with --unproven the move is made all the same, "+
			"and what has receipts of the other tree stands in neither", "%w", fork), err)
	}
	return nil
}

// find looks for pending envelopes among a tree's leaves, and returns those that are there,
// in the order of leaves. What it finds isn't proven.
func (f *flush) find(ctx context.Context, cp *formats.Checkpoint, progress func(done, total uint64)) ([]*item, error) {
	accepted, rejected, from, err := f.outbox.sought(ctx)
	if err != nil {
		return nil, err
	}
	t := f.client.tiles.tree(ctx, cp.Tree())
	for bundle := from / torchwood.TileWidth; bundle*torchwood.TileWidth < cp.Size; bundle += fetchers {
		var bundles []int64
		for n := bundle; n < bundle+fetchers && n*torchwood.TileWidth < cp.Size; n++ {
			bundles = append(bundles, int64(n))
		}
		entries, err := t.entries(bundles)
		if err != nil {
			return nil, err
		}
		for _, n := range bundles {
			for i, entry := range entries[n] {
				index := uint64(n)*torchwood.TileWidth + uint64(i)
				leaf, err := formats.ParseLeaf(entry)
				if err != nil {
					return nil, fmt.Errorf("leaf %d: %w", index, err)
				}
				switch leaf.Verdict {
				case formats.Accepted:
					if it := accepted[leaf.Digest]; it != nil && leaf.Subject == it.lane.recorder.Subject() {
						it.placed, it.leaf, it.code = true, index, ""
					}
				case formats.Rejected:
					it := rejected[leaf.Digest]
					if it != nil && leaf.Subject == it.lane.recorder.Subject() && (!it.placed || it.code != "") && (it.refused == nil || index > *it.refused) {
						it.placed, it.leaf, it.code = true, index, leaf.Code
					}
				}
			}
		}
		if progress != nil {
			progress(min((bundle+fetchers)*torchwood.TileWidth, cp.Size), cp.Size)
		}
	}
	var found []*item
	for _, it := range accepted {
		if it.placed {
			found = append(found, it)
		}
	}
	slices.SortFunc(found, func(a, b *item) int { return cmp.Compare(a.leaf, b.leaf) })
	return found, nil
}

// sought returns the pending envelopes by the digests that leaves have, and the first leaf
// that can be one of them: each recorder's stand in their order.
func (o *Outbox) sought(ctx context.Context) (accepted, rejected map[events.Digest]*item, from uint64, err error) {
	recorders, err := o.recorders(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	queues := map[int64]*recorderQueue{}
	for recorder, row := range recorders {
		queues[row.id] = &recorderQueue{recorder: recorder, id: row.id, incarnation: row.incarnation}
	}
	limit, err := o.lastEnvelope(ctx)
	if err != nil {
		return nil, nil, 0, err
	}
	accepted, rejected = map[events.Digest]*item{}, map[events.Digest]*item{}
	first := map[int64]bool{}
	for after := int64(0); ; {
		items, of, err := o.loadPending(ctx, after, limit, 2048)
		if err != nil {
			return nil, nil, 0, err
		}
		if len(items) == 0 {
			break
		}
		for i, it := range items {
			after = it.id
			it.lane = queues[of[i]]
			accepted[it.line1], rejected[it.whole] = it, it
			first[of[i]] = true
		}
	}
	began := false
	for id := range first {
		// A requeued envelope may stand before what was said after it: that is no bound.
		var stands uint64
		err := o.db.QueryRowContext(ctx, `SELECT coalesce(max(p.leaf_index) + 1, 0) FROM receipt p JOIN envelope e ON e.id = p.envelope
			WHERE e.recorder = ?1 AND e.state = 1 AND p.checkpoint > `+ofFormer+`
			AND e.id < (SELECT min(id) FROM envelope WHERE recorder = ?1 AND state = 0)`, id).Scan(&stands)
		if err != nil {
			return nil, nil, 0, err
		}
		if !began || stands < from {
			from, began = stands, true
		}
	}
	return accepted, rejected, from, nil
}

// turn binds the outbox to the ledger that takes the place of its own.
func (o *Outbox) turn(ctx context.Context, s *Succession, last *formats.Checkpoint, moved *Moved) error {
	return o.write(ctx, func(tx *sql.Tx) error {
		count := func(v *Volume, where string, args ...any) error {
			return tx.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(e.count), 0), coalesce(sum(e.size), 0) FROM envelope e "+where, args...).
				Scan(&v.Envelopes, &v.Events, &v.Bytes)
		}
		waiting := &moved.Waiting
		if s.Drop {
			waiting = &moved.Dropped
		}
		err := errors.Join(
			count(waiting, "WHERE e.state = 0"),
			count(&moved.Behind, "JOIN receipt p ON p.envelope = e.id WHERE e.state = 1 AND p.leaf_index >= ? AND p.checkpoint > "+ofFormer, last.Size),
		)
		if err != nil {
			return err
		}
		gone, err := tx.ExecContext(ctx, "DELETE FROM sealed")
		if err != nil {
			return err
		}
		if moved.Disclosures, err = gone.RowsAffected(); err != nil {
			return err
		}
		if s.Drop {
			if err := dropPending(ctx, tx); err != nil {
				return err
			}
		}
		for _, step := range []struct {
			query string
			args  []any
		}{
			{`INSERT INTO former(key, seen, last, checkpoint) VALUES(?, (SELECT note FROM latest), ?, (SELECT coalesce(max(id), 0) FROM checkpoint))`, []any{s.From.Key(), s.Last}},
			{"INSERT INTO latest(one, key, note) VALUES(1, ?1, NULL) ON CONFLICT(one) DO UPDATE SET key = ?1, note = NULL", []any{s.To.Key()}},
			// What the ledger before said of them is nothing that this one has said.
			{"UPDATE recorder SET checked = 0, stale = ''", nil},
			{"UPDATE envelope SET refused = NULL WHERE state = 0", nil},
		} {
			if _, err := tx.ExecContext(ctx, step.query, step.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// dropPending forgets what has no receipt, and has each recorder count anew.
func dropPending(ctx context.Context, tx *sql.Tx) error {
	for _, query := range []string{
		`UPDATE recorder SET incarnation = incarnation + 1, next = 1, previous = (SELECT manifest FROM envelope e WHERE e.recorder = recorder.id AND e.state = 1
			ORDER BY e.incarnation DESC, e.first DESC LIMIT 1)`,
		`DELETE FROM event WHERE EXISTS (SELECT 1 FROM envelope e WHERE e.state = 0 AND e.recorder = event.recorder AND e.incarnation = event.incarnation
			AND event.seq BETWEEN e.first AND e.first + e.count - 1)`,
		"DELETE FROM body WHERE envelope IN (SELECT id FROM envelope WHERE state = 0)",
		"DELETE FROM envelope WHERE state = 0",
	} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// Formers returns the ledgers that the outbox was bound to before, the newest first.
func (o *Outbox) Formers(ctx context.Context) ([]*formats.Log, error) {
	rows, err := o.db.QueryContext(ctx, "SELECT key FROM former ORDER BY id DESC")
	if err != nil {
		return nil, fmt.Errorf("outbox %s: read which ledgers it was of: %w", o.path, err)
	}
	defer rows.Close()
	var all []*formats.Log
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, fmt.Errorf("outbox %s: read which ledgers it was of: %w", o.path, err)
		}
		log, err := formats.NewLog(key)
		if err != nil {
			return nil, fmt.Errorf("outbox %s: read which ledgers it was of: %w", o.path, err)
		}
		all = append(all, log)
	}
	return all, rows.Err()
}

// formerly tells whether the outbox was bound to a ledger before the one it is bound to.
func (o *Outbox) formerly(ctx context.Context, log *formats.Log) bool {
	var one int
	return o.db.QueryRowContext(ctx, "SELECT 1 FROM former WHERE key = ?", log.Key()).Scan(&one) == nil
}
