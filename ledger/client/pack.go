package client

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/saksi-ledger/saksi/events"
)

// Added says what [Outbox.Add] did.
type Added struct {
	Envelopes int `json:"envelopes"`
	// Events were numbered and stored; Known were skipped, because an event of
	// the same source and id was added before.
	Events int `json:"events"`
	Known  int `json:"known"`
	// Changed are the ids of those skipped whose native record says something
	// else than the one that was added.
	Changed []string `json:"changed,omitempty"`
	// Incarnation, First and Last are the sequence numbers that were given; First
	// and Last are zero if no event was new.
	Incarnation uint64 `json:"incarnation"`
	First       uint64 `json:"first,omitempty"`
	Last        uint64 `json:"last,omitempty"`
}

// Add numbers and signs the events of drafts that it does not know yet, in
// their order, and keeps them with their disclosures until the ledger has them.
// All of it is one transaction, durable when Add returns; after an error nothing
// of it is, or (if the disk failed at the very end) all of it, and calling Add
// again with the same drafts is right in either case.
//
// Each draft's source must be the recorder's. Memory is bounded by drafts: a
// caller with very many calls Add with some thousand at a time, at the price of
// one fsync a call. A recorder that the outbox doesn't know starts at sequence
// number 1 of incarnation 1; where the ledger may know it already,
// [Client.Prepare] comes first. Add fails with a [StaleError] for a recorder
// that somebody else writes for.
func (o *Outbox) Add(ctx context.Context, recorder events.Recorder, drafts []events.Draft, signers ...*events.Signer) (Added, error) {
	fail := func(err error) (Added, error) {
		return Added{}, fmt.Errorf("add %d events of %s to outbox %s: %w", len(drafts), recorder, o.path, err)
	}
	switch {
	case !recorder.IsOperator() && !recorder.IsRegistry():
		return fail(errors.New("only an operator's recorder or an authority's registry publishes"))
	case len(signers) == 0:
		return fail(hint("give the key that the registry has for this party", "no key to sign with"))
	}
	for i, d := range drafts {
		switch {
		case d.Event == nil || d.Event.ID == "":
			return fail(fmt.Errorf("event %d has no id", i+1))
		case d.Event.Source != recorder.Source():
			return fail(fmt.Errorf("event %s has the source %q: want %q", clip(d.Event.ID), clip(d.Event.Source), recorder.Source()))
		}
	}

	o.addMu.Lock()
	defer o.addMu.Unlock()
	names := o.names.snapshot()
	var added Added
	err := o.write(ctx, func(tx *sql.Tx) error {
		if err := insertPseudonyms(ctx, tx, names); err != nil {
			return err
		}
		p := &packer{outbox: o, tx: tx, recorder: recorder, signers: signers}
		if err := p.open(ctx); err != nil {
			return err
		}
		defer p.close()
		for _, d := range drafts {
			if err := p.add(ctx, d); err != nil {
				return err
			}
		}
		err := p.finish(ctx)
		added = p.added
		return err
	})
	if err != nil {
		return fail(err)
	}
	o.names.stored(names)
	if added.Envelopes > 0 {
		o.wake()
	}
	return added, nil
}

// packer fills envelopes inside one transaction.
type packer struct {
	outbox   *Outbox
	tx       *sql.Tx
	recorder events.Recorder
	signers  []*events.Signer

	row   recorderRow
	added Added
	at    int64 // Unix time, nanoseconds

	lines [][]byte // of the envelope that is being filled
	bytes int      // of those lines, with their line feeds

	insertEvent, insertDisclosure, insertEnvelope, insertBody *sql.Stmt
}

// recorderRow is where a recorder stands.
type recorderRow struct {
	id          int64
	incarnation uint64
	next        uint64
	previous    events.Digest
	checked     bool
	stale       string
}

func selectRecorder(ctx context.Context, q querier, recorder events.Recorder) (*recorderRow, error) {
	r := &recorderRow{}
	var previous []byte
	err := q.QueryRowContext(ctx, "SELECT id, incarnation, next, previous, checked, stale FROM recorder WHERE name = ?", recorder.String()).
		Scan(&r.id, &r.incarnation, &r.next, &previous, &r.checked, &r.stale)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	copy(r.previous[:], previous)
	return r, nil
}

func insertRecorder(ctx context.Context, tx *sql.Tx, recorder events.Recorder, r *recorderRow) error {
	result, err := tx.ExecContext(ctx, "INSERT INTO recorder(name, incarnation, next, previous, checked) VALUES(?, ?, ?, ?, ?)",
		recorder.String(), r.incarnation, r.next, nullDigest(r.previous), r.checked)
	if err != nil {
		return err
	}
	r.id, err = result.LastInsertId()
	return err
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func nullDigest(d events.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

func (p *packer) open(ctx context.Context) error {
	row, err := selectRecorder(ctx, p.tx, p.recorder)
	switch {
	case err != nil:
		return err
	case row == nil:
		row = &recorderRow{incarnation: 1, next: 1}
		if err := insertRecorder(ctx, p.tx, p.recorder, row); err != nil {
			return err
		}
	case row.stale != "":
		return &StaleError{Recorder: p.recorder, Reason: row.stale}
	}
	p.row = *row
	p.added.Incarnation = row.incarnation
	p.at = p.outbox.opts.Now().UnixNano()
	for query, to := range map[string]**sql.Stmt{
		"INSERT INTO event(recorder, id, incarnation, seq, native) VALUES(?, ?, ?, ?, ?) ON CONFLICT DO NOTHING":                            &p.insertEvent,
		"INSERT INTO disclosure(digest, recorder, event, disclosure) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING":                             &p.insertDisclosure,
		"INSERT INTO envelope(recorder, incarnation, first, count, size, added, state, manifest, line1, whole) VALUES(?,?,?,?,?,?,0,?,?,?)": &p.insertEnvelope,
		"INSERT INTO body(envelope, body) VALUES(?, ?)":                                                                                     &p.insertBody,
	} {
		if *to, err = p.tx.PrepareContext(ctx, query); err != nil {
			p.close()
			return err
		}
	}
	return nil
}

func (p *packer) close() {
	for _, s := range []*sql.Stmt{p.insertEvent, p.insertDisclosure, p.insertEnvelope, p.insertBody} {
		if s != nil {
			_ = s.Close()
		}
	}
}

func (p *packer) add(ctx context.Context, d events.Draft) error {
	seq := p.row.next + uint64(len(p.lines))
	result, err := p.insertEvent.ExecContext(ctx, p.row.id, d.Event.ID, p.row.incarnation, seq, nullDigest(d.Native))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil {
		return err
	} else if n == 0 {
		p.added.Known++
		return p.compare(ctx, d)
	}
	line, err := d.Event.Marshal()
	if err != nil {
		return fmt.Errorf("event %s: %w", clip(d.Event.ID), err)
	}
	if size := sealedSize(p.recorder, 1, len(line)+1, len(p.signers)); size > events.MaxEnvelope {
		return hint("nothing was added: split the event, or leave out what nobody needs, and add the rest without it",
			"event %s is too large for any envelope: it would make %d bytes, and the most is %d", clip(d.Event.ID), size, events.MaxEnvelope)
	}
	for _, disclosure := range d.Disclosures {
		if _, err := p.insertDisclosure.ExecContext(ctx, disclosure.Digest(), p.row.id, d.Event.ID, string(disclosure)); err != nil {
			return err
		}
	}
	if len(d.Recipients) > 0 && len(d.Disclosures) > 0 {
		subject, message, err := sealDraft(p.recorder, d, line)
		if err != nil {
			return fmt.Errorf("event %s: %w", clip(d.Event.ID), err)
		}
		if _, err := p.tx.ExecContext(ctx, "INSERT INTO sealed(recorder, event, subject, message) VALUES(?, ?, ?, ?)", p.row.id, d.Event.ID, subject, message); err != nil {
			return err
		}
	}
	if n := len(p.lines); n > 0 {
		if n == p.outbox.opts.MaxEvents || sealedSize(p.recorder, n+1, p.bytes+len(line)+1, len(p.signers)) > p.outbox.opts.MaxBytes {
			if err := p.seal(ctx); err != nil {
				return err
			}
		}
	}
	p.lines = append(p.lines, line)
	p.bytes += len(line) + 1
	if p.added.First == 0 {
		p.added.First = seq
	}
	p.added.Last = seq
	p.added.Events++
	return nil
}

// compare notes whether a known event's native record has changed.
func (p *packer) compare(ctx context.Context, d events.Draft) error {
	if d.Native.IsZero() {
		return nil
	}
	var native []byte
	err := p.tx.QueryRowContext(ctx, "SELECT native FROM event WHERE recorder = ? AND id = ?", p.row.id, d.Event.ID).Scan(&native)
	if err == nil && native != nil && !bytes.Equal(native, d.Native[:]) {
		p.added.Changed = append(p.added.Changed, d.Event.ID)
	}
	return err
}

// seal closes the envelope that is being filled.
func (p *packer) seal(ctx context.Context) error {
	m := &events.Manifest{Recorder: p.recorder, Incarnation: p.row.incarnation, First: p.row.next, Previous: p.row.previous}
	e, err := events.Seal(m, p.lines, p.signers...)
	if err != nil {
		return err
	}
	body, digest := e.Marshal(), e.ManifestDigest()
	line1, whole := events.DigestOf(e.Line1()), events.DigestOf(body)
	result, err := p.insertEnvelope.ExecContext(ctx, p.row.id, m.Incarnation, m.First, len(p.lines), len(body), p.at, digest[:], line1[:], whole[:])
	if err != nil {
		return err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	if _, err := p.insertBody.ExecContext(ctx, id, body); err != nil {
		return err
	}
	p.added.Envelopes++
	p.row.next, p.row.previous = m.Last()+1, digest
	p.lines, p.bytes = p.lines[:0], 0
	return nil
}

func (p *packer) finish(ctx context.Context) error {
	if len(p.lines) > 0 {
		if err := p.seal(ctx); err != nil {
			return err
		}
	}
	if p.added.Envelopes == 0 {
		return nil
	}
	_, err := p.tx.ExecContext(ctx, "UPDATE recorder SET next = ?, previous = ? WHERE id = ?", p.row.next, nullDigest(p.row.previous), p.row.id)
	return err
}

// sealedSize returns an upper bound, a few hundred bytes above what it will be,
// of an envelope's size. bytes counts the lines of its events with their line
// feeds.
func sealedSize(recorder events.Recorder, count, bytes, signers int) int {
	const (
		digest    = 74 // with quotes and comma
		manifest  = 260
		line1     = 110
		signature = 184 // of P-256, whose DER is the longest
	)
	return bytes + line1 + base64.StdEncoding.EncodedLen(manifest+len(recorder.String())+count*digest) + signers*signature
}

// clip bounds what an error quotes of foreign input.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
