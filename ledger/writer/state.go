package writer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/archive"
	"github.com/saksi-ledger/saksi/ledger/formats"
	"github.com/saksi-ledger/saksi/ledger/paths"
)

// state is the small database that admission and receipts need: what was
// accepted, what was rejected, recorders' heads, registry leaves and epochs. It
// can be made again from leaves and bodies, so it is never fsynced for its own
// sake. Everything that one chunk changed is committed at once, with the size of
// the tree that it belongs to.
//
// One goroutine writes; parties' questions are answered on connections of their
// own from what was committed last.
type state struct {
	path    string
	writer  *sql.DB
	readers *sql.DB

	insert    *sql.Stmt // of rowsAtOnce rows, on the writer's one connection
	refuse    *sql.Stmt // the same of rejections
	find      *sql.Stmt // an acceptance
	found     map[admission.Place]uint64
	tx        *sql.Tx
	recorders map[events.Recorder]int64 // their ids
	waiting   []acceptedRow
	refused   []rejectedRow
}

type rejectedRow struct {
	party string
	events.RejectedPlace
}

type acceptedRow struct {
	recorder, incarnation, first int64
	manifest                     events.Digest
	leaf                         int64
}

// stateVersion changes with the tables; another version is made anew.
const stateVersion = 1

const stateSchema = `
CREATE TABLE stamp (size INTEGER NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL);
INSERT INTO stamp VALUES (0, 1, 0);
CREATE TABLE recorder (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, party TEXT NOT NULL,
	incarnation INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0, manifest BLOB, leaf INTEGER);
CREATE INDEX recorder_party ON recorder (party, name);
CREATE TABLE accepted (recorder INTEGER NOT NULL, incarnation INTEGER NOT NULL, first INTEGER NOT NULL,
	manifest BLOB NOT NULL, leaf INTEGER NOT NULL,
	PRIMARY KEY (recorder, incarnation, first, manifest)) WITHOUT ROWID;
CREATE TABLE rejected (party TEXT NOT NULL, body BLOB NOT NULL, leaf INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,
	PRIMARY KEY (party, body)) WITHOUT ROWID;
CREATE TABLE registry (leaf INTEGER PRIMARY KEY);
CREATE TABLE epoch (epoch INTEGER PRIMARY KEY, leaf INTEGER NOT NULL, resume INTEGER NOT NULL);
`

// openState opens the database, making it if it isn't there. One that can't be
// read, or is of another version, is made anew: it holds nothing of its own.
func openState(path string) (*state, error) {
	s, err := tryState(path)
	if err == nil {
		return s, nil
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := archive.RemoveIfThere(path + suffix); err != nil {
			return nil, fmt.Errorf("make state database anew: %w", err)
		}
	}
	if s, err = tryState(path); err != nil {
		return nil, fmt.Errorf("open state database %s: %w", path, err)
	}
	return s, nil
}

func tryState(path string) (_ *state, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	f.Close()
	const pragmas = "_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(10000)&_pragma=cache_size(-32768)&_pragma=secure_delete(1)"
	s := &state{path: path, recorders: map[events.Recorder]int64{}, found: map[admission.Place]uint64{}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.writer, err = sql.Open("sqlite", paths.SQLite(path, pragmas)); err != nil {
		return nil, err
	}
	s.writer.SetMaxOpenConns(1)
	var version int
	if err := s.writer.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return nil, err
	}
	switch version {
	case stateVersion:
	case 0:
		if _, err := s.writer.Exec(fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", stateSchema, stateVersion)); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("version %d of the tables: this program knows %d", version, stateVersion)
	}
	if s.insert, err = s.writer.Prepare(insertAccepted(rowsAtOnce)); err != nil {
		return nil, err
	}
	if s.find, err = s.writer.Prepare("SELECT leaf FROM accepted WHERE recorder = ? AND incarnation = ? AND first = ? AND manifest = ?"); err != nil {
		return nil, err
	}
	if s.refuse, err = s.writer.Prepare(insertRejected(rowsAtOnce)); err != nil {
		return nil, err
	}
	if s.readers, err = sql.Open("sqlite", paths.SQLite(path, pragmas+"&mode=ro&_pragma=query_only(1)")); err != nil {
		return nil, err
	}
	s.readers.SetMaxOpenConns(4)
	return s, s.loadRecorders()
}

func (s *state) loadRecorders() error {
	rows, err := s.writer.Query("SELECT id, name FROM recorder")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		r, err := events.ParseRecorder(name)
		if err != nil {
			return err
		}
		s.recorders[r] = id
	}
	return rows.Err()
}

func (s *state) close() error {
	if s.tx != nil {
		s.tx.Rollback()
		s.tx = nil
	}
	var err error
	for _, db := range []*sql.DB{s.writer, s.readers} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// size returns the size of the tree that the database belongs to.
func (s *state) size() (uint64, error) {
	var size uint64
	err := s.writer.QueryRow("SELECT size FROM stamp").Scan(&size)
	return size, err
}

// heads returns all recorders' heads.
func (s *state) heads() (map[events.Recorder]*admission.Head, error) {
	rows, err := s.writer.Query("SELECT name, incarnation, last, manifest, leaf FROM recorder WHERE incarnation > 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	heads := map[events.Recorder]*admission.Head{}
	for rows.Next() {
		var name string
		var manifest []byte
		h := &admission.Head{}
		if err := rows.Scan(&name, &h.Incarnation, &h.Last, &manifest, &h.Leaf); err != nil {
			return nil, err
		}
		copy(h.Manifest[:], manifest)
		r, err := events.ParseRecorder(name)
		if err != nil {
			return nil, err
		}
		heads[r] = h
	}
	return heads, rows.Err()
}

// registryLeaves returns the leaves whose registry events are in force.
func (s *state) registryLeaves() ([]uint64, error) {
	rows, err := s.writer.Query("SELECT leaf FROM registry ORDER BY leaf")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var leaves []uint64
	for rows.Next() {
		var leaf uint64
		if err := rows.Scan(&leaf); err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf)
	}
	return leaves, rows.Err()
}

// An epoch begins at a leaf and goes on in the stream at resume.
type epoch struct{ number, leaf, resume uint64 }

func (s *state) epochs() ([]epoch, error) {
	rows, err := s.writer.Query("SELECT epoch, leaf, resume FROM epoch ORDER BY epoch")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []epoch
	for rows.Next() {
		var e epoch
		if err := rows.Scan(&e.number, &e.leaf, &e.resume); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, rows.Err()
}

func (s *state) begin() error {
	if s.tx != nil {
		return nil
	}
	var err error
	s.tx, err = s.writer.Begin()
	return err
}

func (s *state) exec(query string, args ...any) error {
	if err := s.begin(); err != nil {
		return err
	}
	_, err := s.tx.Exec(query, args...)
	return err
}

func (s *state) recorderID(r events.Recorder) (int64, error) {
	if id, ok := s.recorders[r]; ok {
		return id, nil
	}
	if err := s.begin(); err != nil {
		return 0, err
	}
	result, err := s.tx.Exec("INSERT INTO recorder (name, party) VALUES (?, ?)", r.String(), r.Party())
	if err != nil {
		return 0, err
	}
	id, err := result.LastInsertId()
	if err == nil {
		s.recorders[r] = id
	}
	return id, err
}

// Accepted implements [admission.Store].
func (s *state) Accepted(p admission.Place) (leaf uint64, found bool, err error) {
	if leaf, found := s.found[p]; found {
		return leaf, true, nil
	}
	if err := s.flush(); err != nil {
		return 0, false, err
	}
	id, err := s.recorderID(p.Recorder)
	if err != nil {
		return 0, false, err
	}
	find := s.tx.Stmt(s.find)
	defer find.Close()
	err = find.QueryRow(id, p.Incarnation, p.First, p.Manifest[:]).Scan(&leaf)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err == nil {
		if len(s.found) >= maxFound {
			clear(s.found)
		}
		s.found[p] = leaf
	}
	return leaf, err == nil, err
}

// maxFound bounds how many places are remembered that were looked for: who says the
// same again and again is answered without asking the database each time.
const maxFound = 4096

// Accept implements [admission.Store].
func (s *state) Accept(p admission.Place, leaf uint64) error {
	id, err := s.recorderID(p.Recorder)
	if err != nil {
		return err
	}
	s.waiting = append(s.waiting, acceptedRow{id, int64(p.Incarnation), int64(p.First), p.Manifest, int64(leaf)})
	return nil
}

// rowsAtOnce is how many rows one statement inserts.
const rowsAtOnce = 64

func insertAccepted(rows int) string {
	return "INSERT INTO accepted VALUES (?,?,?,?,?)" + strings.Repeat(",(?,?,?,?,?)", rows-1)
}

// flush writes what Accept has gathered.
func (s *state) flush() error {
	if err := s.begin(); err != nil {
		return err
	}
	var insert *sql.Stmt
	if len(s.waiting) >= rowsAtOnce {
		insert = s.tx.Stmt(s.insert)
		defer insert.Close()
	}
	args := make([]any, 0, 5*rowsAtOnce)
	for waiting := s.waiting; len(waiting) > 0; {
		rows := waiting[:min(rowsAtOnce, len(waiting))]
		args = args[:0]
		for i := range rows {
			args = append(args, rows[i].recorder, rows[i].incarnation, rows[i].first, rows[i].manifest[:], rows[i].leaf)
		}
		var err error
		if len(rows) == rowsAtOnce {
			_, err = insert.Exec(args...)
		} else {
			_, err = s.tx.Exec(insertAccepted(len(rows)), args...)
		}
		if err != nil {
			return err
		}
		waiting = waiting[len(rows):]
	}
	s.waiting = s.waiting[:0]
	return nil
}

func insertRejected(rows int) string {
	return "INSERT OR REPLACE INTO rejected VALUES (?,?,?,?,?)" + strings.Repeat(",(?,?,?,?,?)", rows-1)
}

// reject remembers a rejection, so that the party that sent it can be told.
func (s *state) reject(party string, place events.RejectedPlace) error {
	s.refused = append(s.refused, rejectedRow{party, place})
	if len(s.refused) < 4*rowsAtOnce {
		return nil
	}
	return s.flushRejected()
}

// flushRejected writes what reject has gathered.
func (s *state) flushRejected() error {
	if len(s.refused) == 0 {
		return nil
	}
	if err := s.begin(); err != nil {
		return err
	}
	insert := s.tx.Stmt(s.refuse)
	defer insert.Close()
	args := make([]any, 0, 5*rowsAtOnce)
	for rows := range slices.Chunk(s.refused, rowsAtOnce) {
		args = args[:0]
		for i := range rows {
			r := &rows[i]
			args = append(args, r.party, r.Body[:], r.Leaf, r.Code, r.Reason)
		}
		var err error
		if len(rows) == rowsAtOnce {
			_, err = insert.Exec(args...)
		} else {
			_, err = s.tx.Exec(insertRejected(len(rows)), args...)
		}
		if err != nil {
			return err
		}
	}
	s.refused = s.refused[:0]
	return nil
}

func (s *state) addRegistryLeaf(leaf uint64) error {
	return s.exec("INSERT INTO registry VALUES (?)", leaf)
}

func (s *state) addEpoch(e epoch) error {
	return s.exec("INSERT INTO epoch VALUES (?,?,?)", e.number, e.leaf, e.resume)
}

// commit makes one with the tree of the given size everything written since the
// last commit.
func (s *state) commit(size, epoch, seq uint64, heads map[events.Recorder]admission.Head) error {
	if err := errors.Join(s.flush(), s.flushRejected()); err != nil {
		return err
	}
	for r, h := range heads {
		id, err := s.recorderID(r)
		if err != nil {
			return err
		}
		if _, err := s.tx.Exec("UPDATE recorder SET incarnation = ?, last = ?, manifest = ?, leaf = ? WHERE id = ?",
			h.Incarnation, h.Last, h.Manifest[:], h.Leaf, id); err != nil {
			return err
		}
	}
	if _, err := s.tx.Exec("UPDATE stamp SET size = ?, epoch = ?, seq = ?", size, epoch, seq); err != nil {
		return err
	}
	err := s.tx.Commit()
	s.tx = nil
	return err
}

// where answers a party's question about one of its recorders, from what was
// committed last.
func (s *state) where(ctx context.Context, party string, q events.GetRequest) (*events.GetResponse, error) {
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	answer := &events.GetResponse{V: 1}
	if err := tx.QueryRowContext(ctx, "SELECT epoch, seq FROM stamp").Scan(&answer.Epoch, &answer.Seq); err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT a.first, a.manifest, a.leaf FROM accepted a JOIN recorder r ON r.id = a.recorder
		WHERE r.name = ? AND r.party = ? AND a.incarnation = ? AND a.first >= ? ORDER BY a.first, a.leaf LIMIT ?`,
		q.Recorder, party, q.Incarnation, q.From, events.MaxPlaces+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var p events.AcceptedPlace
		var manifest []byte
		if err := rows.Scan(&p.First, &manifest, &p.Leaf); err != nil {
			return nil, err
		}
		copy(p.Manifest[:], manifest)
		answer.Accepted = append(answer.Accepted, p)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(answer.Accepted) > events.MaxPlaces {
		answer.Accepted, answer.More = answer.Accepted[:events.MaxPlaces], true
	}
	for _, body := range q.Bodies {
		p := events.RejectedPlace{Body: body}
		err := tx.QueryRowContext(ctx, "SELECT leaf, code, reason FROM rejected WHERE party = ? AND body = ?", party, body[:]).
			Scan(&p.Leaf, &p.Code, &p.Reason)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		answer.Rejected = append(answer.Rejected, p)
	}
	return answer, nil
}

// partyHeads answers a party's question for its recorders' heads.
func (s *state) partyHeads(ctx context.Context, party, after string) (*events.HeadResponse, error) {
	rows, err := s.readers.QueryContext(ctx, `SELECT name, incarnation, last, manifest, leaf FROM recorder
		WHERE party = ? AND name > ? AND incarnation > 0 ORDER BY name LIMIT ?`, party, after, events.MaxPlaces+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	answer := &events.HeadResponse{V: 1}
	for rows.Next() {
		var h events.Head
		var manifest []byte
		if err := rows.Scan(&h.Recorder, &h.Incarnation, &h.Last, &manifest, &h.Leaf); err != nil {
			return nil, err
		}
		copy(h.Manifest[:], manifest)
		answer.Heads = append(answer.Heads, h)
	}
	if len(answer.Heads) > events.MaxPlaces {
		answer.Heads, answer.More = answer.Heads[:events.MaxPlaces], true
	}
	return answer, rows.Err()
}

// partyOf returns the party that a message's subject belongs to: the broker
// vouches for the second token whatever follows it.
func partyOf(subject string) (string, bool) {
	kind, rest, _ := strings.Cut(subject, ".")
	name, _, _ := strings.Cut(rest, ".")
	switch {
	case !events.ValidName(name):
		return "", false
	case kind == "events":
		return name, true
	case kind == "registry":
		return events.RegistryRecorder(name).Party(), true
	}
	return "", false
}

// position is where the ledger stands in the stream.
type position struct{ epoch, seq uint64 }

func positionOf(l *formats.Leaf) position { return position{l.Epoch, l.Seq} }
