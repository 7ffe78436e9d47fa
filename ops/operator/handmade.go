package operator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/vocabulary"
	"github.com/saksi-ledger/saksi/ledger/client"
)

// maxLine bounds a hand-made event, in bytes.
const maxLine = 128 << 10

// maxHandmade bounds how many events one file of them may hold: they are added
// all or none.
const maxHandmade = 100_000

// handmade is an event as people write it: a CloudEvent of which only type and
// data must be there. What else a recorder's event needs is filled in.
type handmade struct {
	SpecVersion string         `json:"specversion"`
	ID          string         `json:"id"`
	Source      string         `json:"source"`
	Type        string         `json:"type"`
	Subject     string         `json:"subject"`
	Time        string         `json:"time"`
	Nonce       string         `json:"nonce"`
	Data        jsontext.Value `json:"data"`
}

// handmadeFormat is how a file of hand-made events is read: in all forms of JSON, and each
// of them as it stands.
var handmadeFormat = connect.Format{Bare: true, Apart: true, MaxRecord: maxLine}

// maxBad is how many bad events are named.
const maxBad = 100

// BadEventsError says what is wrong with a file of hand-made events, of which none was
// taken.
type BadEventsError struct {
	Name     string // of the file
	Bad, All int    // how many events are bad, and how many there are
	// Problems are what is wrong with the first hundred, by line.
	Problems []Problem
}

func (e *BadEventsError) Error() string {
	return fmt.Sprintf("%s: %d of %d events can't be taken", e.Name, e.Bad, e.All)
}

// Lines returns a line for each of e.Problems.
func (e *BadEventsError) Lines() []string {
	var lines []string
	for _, p := range e.Problems {
		where := ""
		if p.Path != "" {
			where = p.Path + ": "
		}
		lines = append(lines, fmt.Sprintf("%s, line %d: %s%s", e.Name, p.Line, where, p.Problem))
	}
	return lines
}

// Hint says what to do.
func (e *BadEventsError) Hint() string {
	return "nothing was published; mend these lines and publish the file again"
}

// Publish adds hand-made events, in any form of JSON that [connect.Read] knows, to the
// outbox: all of them, or none if one is not as its schema wants it, which is a
// [*BadEventsError]. Missing are filled in specversion, id (random), source (the
// recorder's), time (now) and nonce.
func (d *Client) Publish(ctx context.Context, recorder events.Recorder, r io.Reader, name string) (client.Added, error) {
	var drafts []events.Draft
	bad := &BadEventsError{Name: name}
	all, err := eachEvent(r, name, func(line int, raw []byte, err error) error {
		var draft events.Draft
		if err == nil {
			draft, err = d.handmade(recorder, raw)
		}
		if err == nil {
			drafts = append(drafts, draft)
			return ctx.Err()
		}
		if bad.Bad++; len(bad.Problems) < maxBad {
			bad.Problems = append(bad.Problems, problemOf(line, err))
		}
		return ctx.Err()
	})
	if err != nil {
		return client.Added{}, err
	}
	if bad.All = all; bad.Bad > 0 {
		return client.Added{}, bad
	}
	return d.Outbox.Add(ctx, recorder, drafts, d.signers...)
}

// handmade makes a draft of one event.
func (d *Client) handmade(recorder events.Recorder, raw []byte) (events.Draft, error) {
	event, err := readHandmade(recorder, raw)
	if err == nil {
		err = vocabulary.Check(event)
	}
	if err == nil && d.seal != nil {
		event, err = d.sealed(recorder, event)
	}
	if err != nil {
		return events.Draft{}, err
	}
	// By what was written, and not by what is filled in, it is told whether an id says
	// something else now.
	native, err := canonicalJSON(raw)
	return events.Draft{Event: event, Native: events.DigestOf(native)}, err
}

// canonicalJSON returns a line in a form in which neither white space nor the order of members
// makes a difference (RFC 8785).
func canonicalJSON(line []byte) ([]byte, error) {
	value := jsontext.Value(bytes.Clone(line))
	return value, value.Canonicalize()
}

// eachEvent calls f with the line and the text of each event, or with what is wrong with
// what stands there, and returns how often it did. That there is none is an error, and so
// are too many.
func eachEvent(r io.Reader, name string, f func(line int, raw []byte, err error) error) (all int, err error) {
	for record, err := range connect.Read(r, name, handmadeFormat) {
		line := record.Line
		if damage, ok := errors.AsType[*connect.DamageError](err); ok {
			if damage.Err == connect.ErrEmpty {
				break
			}
			line, err = damage.Line, damage.Err
		}
		if all++; all > maxHandmade {
			return all, fmt.Errorf("%s: more than %d events: split it", name, maxHandmade)
		}
		if err := f(line, record.Raw, err); err != nil {
			return all, err
		}
	}
	if all == 0 {
		return 0, fmt.Errorf("%s: there is no event in it", name)
	}
	return all, nil
}

func readHandmade(recorder events.Recorder, line []byte) (*events.Event, error) {
	var h handmade
	if err := jsonv2.Unmarshal(line, &h, jsonv2.RejectUnknownMembers(true)); err != nil {
		var wrong *jsonv2.SemanticError
		if errors.As(err, &wrong) {
			return nil, fmt.Errorf("%s is not what an event has: want type and data, and if you like id, source, subject, time", cmp.Or(string(wrong.JSONPointer), "the line"))
		}
		return nil, err
	}
	if h.SpecVersion != "" && h.SpecVersion != "1.0" {
		return nil, fmt.Errorf("specversion %q: want 1.0", h.SpecVersion)
	}
	if h.Source != "" && h.Source != recorder.Source() {
		return nil, fmt.Errorf("source %q: this is published as %q", h.Source, recorder.Source())
	}
	if vocabulary.TypeOf(h.Type) != nil && !vocabulary.SaidBy(h.Type, recorder) { // of an unknown type the check of the event says more
		return nil, notToSay(h.Type, recorder)
	}
	if h.ID == "" {
		var id [16]byte
		rand.Read(id[:])
		h.ID = hex.EncodeToString(id[:])
	}
	event, err := events.NewEvent(recorder, h.Type, h.ID, time.Now(), h.Data, rand.Reader)
	if err != nil {
		return nil, err
	}
	event.Subject = h.Subject
	if h.Time != "" {
		event.Time = h.Time
	}
	if h.Nonce != "" {
		event.Nonce = h.Nonce
	}
	return event, nil
}

func notToSay(eventType string, r events.Recorder) error {
	return fmt.Errorf("type %.80q is not for %s to say", eventType, r)
}
