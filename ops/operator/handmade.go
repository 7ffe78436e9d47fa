package operator

import (
	"bufio"
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

// Publish adds hand-made events, one in a line of JSON, to the outbox: all of
// them, or none if one is not as its schema wants it. Missing are filled in
// specversion, id (random), source (the recorder's), time (now) and nonce.
func (d *Desk) Publish(ctx context.Context, recorder events.Recorder, r io.Reader, name string) (client.Added, error) {
	var drafts []events.Draft
	err := eachLine(r, name, func(n int, line []byte) error {
		event, err := readHandmade(recorder, line)
		if err == nil {
			err = vocabulary.Check(event)
		}
		if err == nil && d.seal != nil {
			event, err = d.sealed(recorder, event)
		}
		if err != nil {
			return hinted{fmt.Errorf("%s, line %d: %w", name, n, err), "nothing was published; mend the line and publish the file again"}
		}
		// By what was written, and not by what is filled in, it is told whether an id says
		// something else now.
		native, err := canonicalJSON(line)
		if err != nil {
			return err
		}
		drafts = append(drafts, events.Draft{Event: event, Native: events.DigestOf(native)})
		return nil
	})
	if err != nil {
		return client.Added{}, err
	}
	return d.Outbox.Add(ctx, recorder, drafts, d.signers...)
}

// canonicalJSON returns a line in a form in which neither white space nor the order of members
// makes a difference (RFC 8785).
func canonicalJSON(line []byte) ([]byte, error) {
	value := jsontext.Value(bytes.Clone(line))
	return value, value.Canonicalize()
}

// eachLine calls f with the number and the text of each line that is not empty. That
// there is none is an error, and so are too many and one that is too long.
func eachLine(r io.Reader, name string, f func(n int, line []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	n, found := 0, 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if found++; found > maxHandmade {
			return fmt.Errorf("%s: more than %d events: split it", name, maxHandmade)
		}
		if err := f(n, line); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%s, line %d: longer than %d bytes", name, n+1, maxLine)
	case err != nil:
		return fmt.Errorf("read %s: %w", name, err)
	case found == 0:
		return fmt.Errorf("%s: there is no event in it", name)
	}
	return nil
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
	if !vocabulary.SaidBy(h.Type, recorder) {
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
