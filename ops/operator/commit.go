package operator

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/committed"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/systems"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// Commit is a batch to commit to: native records that are not shown.
type Commit struct {
	System   string // as in [Import]; or "events": hand-made ones, as for [Client.Publish]
	Recorder events.Recorder
	Mapping  []byte // as in [Import]
	Paths    []string
}

// handmadeSystem is what hand-made events are called where a system is asked for.
const handmadeSystem = "events"

// Committed is what came of it.
type Committed struct {
	Batch
	// New is false where the same records had been committed to before: nothing was
	// published then.
	New     bool `json:"new"`
	Notices int  `json:"notices"` // records that are about no access, and left out
	// Places is how many places could not be read; Damage names the first of them, see
	// [connect.Account].
	Places int      `json:"places"`
	Damage []string `json:"damage,omitempty"`
}

// maxClasses is how many classes of records a commitment tells of.
const maxClasses = 64

// otherClass is the class of records of which there are too many classes.
const otherClass = "other"

// Commit keeps a batch in the home, and only then, when it is there for good, adds what
// is committed to to the outbox: what is published can be opened. To be done again after
// a failure or an interruption: the same records are the same batch, whose commitment is
// added once.
func (d *Client) Commit(ctx context.Context, what Commit) (*Committed, error) {
	fail := func(err error) (*Committed, error) {
		return nil, fmt.Errorf("commit to records of %s: %w", what.Recorder, err)
	}
	out, err := d.batch(ctx, what)
	if err != nil {
		return fail(err)
	}
	event, err := out.event(what.Recorder)
	if err != nil {
		return fail(err)
	}
	added, err := d.addCommitment(ctx, what.Recorder, []events.Draft{{Event: event}})
	if err != nil {
		return fail(err)
	}
	out.New = added.Events > 0
	return out, nil
}

// addCommitment adds to the outbox; tests make it fail.
func (d *Client) addCommitment(ctx context.Context, recorder events.Recorder, drafts []events.Draft) (client.Added, error) {
	if d.faulty != nil {
		return d.faulty(ctx, recorder, drafts)
	}
	return d.Outbox.Add(ctx, recorder, drafts, d.signers...)
}

// batch keeps the records, unless the home has them already.
func (d *Client) batch(ctx context.Context, what Commit) (*Committed, error) {
	file, err := d.batches.begin()
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	w := &writer{to: bufio.NewWriter(file), source: sha256.New(), totals: map[string]int64{}}
	fmt.Fprintf(w.source, "saksi batch\n%s\n%s\n", what.Recorder, what.System)
	out := &Committed{}
	system, err := what.read(ctx, w.add, out)
	if err != nil {
		return nil, err
	}
	if w.tree.Count() == 0 {
		return nil, errors.New("there is no record in it")
	}
	if err := w.to.Flush(); err != nil {
		return nil, err
	}
	before, err := d.batches.find(keyOf(events.Digest(w.source.Sum(nil))))
	if err != nil {
		return nil, err
	}
	if before != nil {
		if _, _, err := d.batches.open(before, nil); err != nil {
			return nil, fmt.Errorf("these records were committed to before: %w", err)
		}
		out.Batch = *before
		return out, nil
	}
	batch, err := w.batch(what.Recorder, system)
	if err != nil {
		return nil, err
	}
	if err := d.batches.keep(batch, file); err != nil {
		return nil, fmt.Errorf("keep the batch: %w", err)
	}
	out.Batch = *batch
	return out, nil
}

// writer salts records and writes them down.
type writer struct {
	to          *bufio.Writer
	source      hash.Hash // of the records as they are
	tree        committed.Tree
	totals      map[string]int64
	from, until time.Time
}

func (w *writer) add(native []byte, class string, at time.Time) error {
	record, err := committed.Salt(native, rand.Reader)
	if err != nil {
		return err
	}
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(native)))
	w.source.Write(size[:])
	w.source.Write(native)
	if err := w.tree.Append(committed.Leaf(record)); err != nil {
		return err
	}
	if _, known := w.totals[class]; !known && len(w.totals) >= maxClasses-1 {
		class = otherClass
	}
	w.totals[class]++
	if w.from.IsZero() || at.Before(w.from) {
		w.from = at
	}
	if at.After(w.until) {
		w.until = at
	}
	_, err = w.to.WriteString(string(record) + "\n")
	return err
}

// batch is what there is to commit to. Its name says nothing of what is in it.
func (w *writer) batch(recorder events.Recorder, system string) (*Batch, error) {
	root, err := w.tree.Root()
	if err != nil {
		return nil, err
	}
	var name [8]byte
	rand.Read(name[:])
	b := &Batch{
		V: 1, Recorder: recorder.String(), Batch: "b-" + hex.EncodeToString(name[:]), Root: root.String(), Count: w.tree.Count(), System: system,
		// To the second: the first moment after the last record.
		Window: events.Window{From: events.At(w.from.UTC().Truncate(time.Second)), To: events.At(w.until.UTC().Truncate(time.Second).Add(time.Second))},
		key:    keyOf(events.Digest(w.source.Sum(nil))),
	}
	for _, class := range slices.Sorted(maps.Keys(w.totals)) {
		b.Totals = append(b.Totals, events.ClassTotal{Class: class, Count: events.Integer(w.totals[class])})
	}
	return b, nil
}

// event is the commitment; its id is the batch's name, so that it is said once.
func (b *Batch) event(recorder events.Recorder) (*events.Event, error) {
	return vocabulary.AccessCommitted.Of(events.AccessCommitted{
		Batch: b.Batch, Root: b.Root, Count: events.Integer(b.Count), Totals: b.Totals, Window: b.Window, System: b.System,
	}).Event(recorder, vocabulary.Attributes{ID: b.Batch})
}

// read calls add with each record, as it stands in its log, its class and its time. It
// returns the system that keeps them.
func (what *Commit) read(ctx context.Context, add func([]byte, string, time.Time) error, out *Committed) (string, error) {
	if what.System == handmadeSystem {
		return "", what.readEvents(ctx, add)
	}
	if _, ok := systems.Find(what.System); !ok {
		return "", hinted{fmt.Errorf("%s: no such system", what.System), "systems: " + strings.Join(systems.Names(), ", ") + ", and " + handmadeSystem + " for hand-made ones"}
	}
	connector, err := newConnector(what.System, connect.Options{
		// Only class and time are taken of the event, so that who it was and whose account
		// it is are not asked for.
		Recorder: what.Recorder, Party: events.PartyOperator, Pseudonym: func(string) (string, error) { return "p", nil }, Mapping: what.Mapping,
	})
	if err != nil {
		return "", err
	}
	return connector.System(), what.readLogs(ctx, connector, add, out)
}

// readLogs leaves out what can't be read, and names it. What says nothing is counted.
func (what *Commit) readLogs(ctx context.Context, connector connect.Connector, add func([]byte, string, time.Time) error, out *Committed) error {
	account, err := connect.Each(ctx, connector, what.Paths, nil, func(record connect.Record, drafts []events.Draft) error {
		at, err := time.Parse(time.RFC3339Nano, drafts[0].Event.Time)
		if err != nil {
			return err
		}
		if err := add(record.Raw, classOf(drafts[0].Event), at); err != nil {
			return hinted{fmt.Errorf("%s, line %d: %w", record.File, record.Line, err), "nothing was committed to; publish this record, or keep it apart"}
		}
		return nil
	})
	out.Notices, out.Damage, out.Places = account.Silent, account.Damage, account.Places
	return err
}

// classOf returns whether an event reads, writes, administers or deletes.
func classOf(e *events.Event) string {
	var data struct {
		Access string `json:"access"`
	}
	if json.Unmarshal(e.Data, &data) != nil || data.Access == "" {
		return string(events.AccessUnstated)
	}
	return data.Access
}

// readEvents holds each event to its schema, as [Client.Publish] does.
func (what *Commit) readEvents(ctx context.Context, add func([]byte, string, time.Time) error) error {
	for _, path := range what.Paths {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = eachEvent(f, path, func(n int, line []byte, err error) error {
			var event *events.Event
			if err == nil {
				event, err = readHandmade(what.Recorder, line)
			}
			if err == nil {
				err = vocabulary.Check(event)
			}
			var at time.Time
			if err == nil {
				at, err = time.Parse(time.RFC3339Nano, event.Time)
			}
			if err == nil {
				err = add(line, event.Type, at)
			}
			if err != nil {
				return hinted{fmt.Errorf("%s, line %d: %w", path, n, err), "nothing was committed to; mend the line and commit again"}
			}
			return ctx.Err()
		})
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
