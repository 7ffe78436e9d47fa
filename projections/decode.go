package projections

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// decoder makes facts of entries. It is safe for concurrent use.
type decoder struct {
	all   bool
	types map[string]bool // whose data some view reads
}

func newDecoder(views []*View) *decoder {
	d := &decoder{types: map[string]bool{}}
	for _, v := range views {
		d.all = d.all || v.Reads == nil
		for _, t := range v.Reads {
			d.types[t] = true
		}
	}
	return d
}

// FactOf returns the fact of a ledger's entry, the data of all events decoded.
func FactOf(e ledger.Entry) (*Fact, error) { return (&decoder{all: true}).fact(e) }

func (d *decoder) fact(e ledger.Entry) (*Fact, error) {
	f := &Fact{Index: e.Index, Leaf: e.Leaf, NoBody: e.Body == nil, hash: tlog.RecordHash(e.Raw), size: len(e.Body)}
	if e.Body == nil || e.Leaf.Verdict == formats.Rejected {
		return f, nil
	}
	envelope, err := events.ParseEnvelope(e.Body)
	if err != nil {
		return nil, fmt.Errorf("leaf %d: its body: %w", e.Index, err)
	}
	m := envelope.Manifest
	f.Manifest = m
	if e.Leaf.Verdict != formats.Accepted {
		return f, nil
	}
	f.Signers = make([]events.KeyID, len(envelope.Signatures))
	for i, sig := range envelope.Signatures {
		f.Signers[i] = sig.KeyID
	}
	f.Events = make([]Event, 0, len(envelope.Lines))
	for i, line := range envelope.Lines {
		if len(line) == 0 { // erased
			continue
		}
		at := events.Ref{Leaf: e.Index, Event: i}
		event, err := events.ParseEvent(line)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", at, err)
		}
		said := Event{Ref: at, Event: event, Sequence: m.First + uint64(i), Recorder: m.Recorder}
		if d.all || d.types[event.Type] {
			said.Data, said.Undecoded = vocabulary.Decode(event)
		}
		f.Events = append(f.Events, said)
	}
	return f, nil
}

// span is as many leaves as are read at once: a tile of the tree.
const span = 256

type decoded struct {
	facts []*Fact
	err   error
}

// read sends the facts of leaves from to to, in order, and closes the channel. They
// are read and decoded on all processors, some spans ahead. The last thing sent may
// be an error; where the context ended it may be missing.
func (d *decoder) read(ctx context.Context, reader ledger.Reader, checkpoint *formats.Checkpoint, from, to uint64) <-chan decoded {
	out := make(chan decoded)
	ahead := make(chan chan decoded, min(runtime.GOMAXPROCS(0), 8))
	go func() {
		defer close(ahead)
		for from < to {
			next := min((from/span+1)*span, to)
			one := make(chan decoded, 1)
			select {
			case ahead <- one:
			case <-ctx.Done():
				return
			}
			go func(from uint64) { one <- d.readSpan(ctx, reader, checkpoint, from, next) }(from)
			from = next
		}
	}()
	go func() {
		defer close(out)
		for one := range ahead {
			select {
			case out <- <-one:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (d *decoder) readSpan(ctx context.Context, reader ledger.Reader, checkpoint *formats.Checkpoint, from, to uint64) decoded {
	facts := make([]*Fact, 0, to-from)
	for next := from; next < to; {
		entries, err := reader.Entries(ctx, checkpoint, next)
		if err != nil {
			return decoded{facts, fmt.Errorf("read leaves from %d: %w", next, err)}
		}
		if len(entries) == 0 {
			return decoded{facts, fmt.Errorf("read leaves from %d: the reader gave none", next)}
		}
		for _, e := range entries {
			if e.Index != next {
				return decoded{facts, fmt.Errorf("read leaf %d: the reader gave leaf %d", next, e.Index)}
			}
			if next == to {
				break
			}
			fact, err := d.fact(e)
			if err != nil {
				return decoded{facts, err}
			}
			facts = append(facts, fact)
			next++
		}
	}
	return decoded{facts, nil}
}
