package client

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/paths"
)

// Options are how an outbox packs. The zero Options are the defaults.
type Options struct {
	// MaxEvents is the most events put into one envelope: 128 unless set, and
	// never more than [events.MaxEvents].
	MaxEvents int
	// MaxBytes is the size at which an envelope is closed: 192 KiB unless set,
	// and never more than [events.MaxEnvelope]. A single event may exceed it, as
	// long as it fits into an envelope of its own.
	MaxBytes int
	// Now is the clock by which waiting times are told; time.Now unless set.
	Now func() time.Time
	// Random makes pseudonyms; crypto/rand.Reader unless set.
	Random io.Reader
}

// Outbox keeps what a party has to say until the ledger has proven that it
// holds it: a SQLite file, readable by its owner alone, under an exclusive lock
// for life. It is safe for concurrent use.
type Outbox struct {
	path   string
	db     *sql.DB
	lock   *durable.Held
	opts   Options
	commit func(*sql.Tx) error // tests make it fail, both ways

	// addMu is held by whoever adds or erases, so that an erased pseudonym
	// can't come back with an Add that began before.
	addMu sync.Mutex
	names pseudonyms
	// flushMu is held for the time of a Flush.
	flushMu sync.Mutex

	// added wakes a running flush; requeues counts what it can't find behind its
	// cursor.
	added    chan struct{}
	requeues atomic.Uint64

	seenMu sync.Mutex
	seen   *formats.Checkpoint // latest verified; nil before the first
}

const (
	applicationID = 0x53616b73 // "Saks"
	schemaVersion = 3
)

const schema = `
CREATE TABLE recorder(
	id          INTEGER PRIMARY KEY,
	name        TEXT NOT NULL UNIQUE,
	incarnation INTEGER NOT NULL,
	next        INTEGER NOT NULL,           -- sequence number
	previous    BLOB,                       -- digest of the last manifest, or NULL
	checked     INTEGER NOT NULL DEFAULT 0, -- the ledger's head has been compared
	stale       TEXT NOT NULL DEFAULT ''    -- why nothing may be added or sent
);
CREATE TABLE event(
	recorder    INTEGER NOT NULL,
	id          TEXT NOT NULL,
	incarnation INTEGER NOT NULL,
	seq         INTEGER NOT NULL,
	native      BLOB,                       -- digest of the native record, or NULL
	PRIMARY KEY(recorder, id)
) WITHOUT ROWID;
CREATE TABLE envelope(
	id          INTEGER PRIMARY KEY,
	recorder    INTEGER NOT NULL,
	incarnation INTEGER NOT NULL,
	first       INTEGER NOT NULL,
	count       INTEGER NOT NULL,
	size        INTEGER NOT NULL,
	added       INTEGER NOT NULL,           -- Unix time, nanoseconds
	state       INTEGER NOT NULL,           -- 0 pending, 1 accepted, 2 rejected, 3 rejected and forgotten
	manifest    BLOB NOT NULL UNIQUE,       -- digests
	line1       BLOB NOT NULL,
	whole       BLOB NOT NULL,
	code        TEXT NOT NULL DEFAULT '',
	reason      TEXT NOT NULL DEFAULT '',
	refused     INTEGER                     -- leaf of the last rejection
);
CREATE INDEX envelope_pending ON envelope(id) WHERE state = 0;
CREATE INDEX envelope_position ON envelope(recorder, incarnation, first);
CREATE TABLE body(envelope INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE receipt(
	envelope   INTEGER PRIMARY KEY,
	leaf_index INTEGER NOT NULL,
	leaf       BLOB NOT NULL,
	proof      BLOB NOT NULL,
	checkpoint INTEGER NOT NULL
);
CREATE TABLE checkpoint(id INTEGER PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL);
CREATE TABLE latest(one INTEGER PRIMARY KEY CHECK(one = 1), key TEXT NOT NULL, note BLOB);
CREATE TABLE evidence(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, what TEXT NOT NULL, seen BLOB NOT NULL, got BLOB NOT NULL, UNIQUE(seen, got));
CREATE TABLE disclosure(digest TEXT PRIMARY KEY, recorder INTEGER NOT NULL, event TEXT NOT NULL, disclosure TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX disclosure_event ON disclosure(recorder, event);
CREATE TABLE pseudonym(principal TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE) WITHOUT ROWID;
`

const (
	statePending = iota
	stateAccepted
	stateRejected
	stateForgotten
)

// Open opens the outbox at path, and makes it if there is none. Its directory
// must exist. It fails if another process, or another Outbox of this one, has
// it open.
func Open(ctx context.Context, path string, o Options) (*Outbox, error) {
	fail := func(err error) (*Outbox, error) { return nil, fmt.Errorf("open outbox %s: %w", path, err) }
	if o.MaxEvents == 0 {
		o.MaxEvents = 128
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 192 << 10
	}
	if o.MaxEvents < 1 || o.MaxEvents > events.MaxEvents || o.MaxBytes < 1 || o.MaxBytes > events.MaxEnvelope {
		return fail(fmt.Errorf("envelopes of %d events and %d bytes: at most %d and %d can be admitted", o.MaxEvents, o.MaxBytes, events.MaxEvents, events.MaxEnvelope))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return fail(err)
	}
	held, err := lock(abs + ".lock")
	if err != nil {
		return fail(err)
	}
	b := &Outbox{
		path: path, lock: held, opts: o, commit: (*sql.Tx).Commit,
		added: make(chan struct{}, 1),
	}
	if err := b.open(ctx, abs); err != nil {
		_ = b.closeFiles()
		return fail(err)
	}
	return b, nil
}

func (o *Outbox) open(ctx context.Context, abs string) error {
	// SQLite gives its side files the permissions of the file it finds.
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(f.Chmod(0o600), f.Sync(), f.Close(), durable.SyncDir(filepath.Dir(abs)))
	if err != nil {
		return err
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)"}}
	if o.db, err = sql.Open("sqlite", paths.SQLite(abs, q.Encode())); err != nil {
		return err
	}
	// One connection: transactions are short, and a writer never finds the
	// database locked.
	o.db.SetMaxOpenConns(1)
	if err := o.migrate(ctx); err != nil {
		return err
	}
	return o.loadSeen(ctx)
}

func (o *Outbox) migrate(ctx context.Context) error {
	var app, version, tables int
	for query, to := range map[string]*int{"PRAGMA application_id": &app, "PRAGMA user_version": &version, "SELECT count(*) FROM sqlite_schema": &tables} {
		if err := o.db.QueryRowContext(ctx, query).Scan(to); err != nil {
			return err
		}
	}
	switch {
	case app == applicationID && version == schemaVersion:
		return nil
	case app == applicationID && version > 0 && version < schemaVersion:
		more := formerSchema // version 2: of before outboxes moved to another ledger
		if version == 1 {    // of before disclosures were sent
			more += sealedSchema
		}
		return o.write(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, more+fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion))
			return err
		})
	case app == applicationID:
		return hint("use the version of this program that wrote it, or a newer one", "it has the format %d: this program knows %d", version, schemaVersion)
	case app != 0 || tables != 0:
		return errors.New("it is a database of something else")
	}
	return o.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, schema+sealedSchema+formerSchema+fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;", applicationID, schemaVersion))
		return err
	})
}

// Close writes what is left to write and releases the lock.
func (o *Outbox) Close() error {
	err := o.names.save(context.Background(), o)
	if err = errors.Join(err, o.closeFiles()); err != nil {
		return fmt.Errorf("close outbox %s: %w", o.path, err)
	}
	return nil
}

func (o *Outbox) closeFiles() error {
	var err error
	if o.db != nil {
		err = o.db.Close()
	}
	return errors.Join(err, o.lock.Close())
}

// Path returns where the outbox is, as it was opened.
func (o *Outbox) Path() string { return o.path }

// write runs do in a transaction and commits it, durably. When it fails, the
// transaction may still have been committed: whatever calls it must be safe to
// be called again.
func (o *Outbox) write(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	if err := o.commit(tx); err != nil {
		// A commit that failed, for lack of space say, leaves SQLite inside the
		// transaction while database/sql thinks it over.
		_, _ = o.db.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// wake tells a running flush that there is something new.
func (o *Outbox) wake() {
	select {
	case o.added <- struct{}{}:
	default:
	}
}
