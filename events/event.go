package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep an event's JSON may be nested.
const MaxDepth = 32

// Event is one CloudEvents 1.0 event in structured JSON, on one line: the
// context attributes that matter here, and the data as it was written.
type Event struct {
	// ID is unique within Source. It is derived from the native log's own where
	// there is one, so that importing twice gives the same.
	ID     string
	Source string
	Type   string
	// Subject is what was touched, if that can be named without a person.
	Subject string
	// Time is when it happened, as written: RFC 3339, UTC.
	Time string
	// Nonce is 128 random bits in base64url, so that the digest of an event says
	// nothing to whoever doesn't have it.
	Nonce string
	// Data is the JSON object of the event's type.
	Data []byte
}

// NewEvent makes an event whose data is the JSON of data. at is written in UTC
// with the precision it has. nonce reads 16 bytes of randomness, usually
// crypto/rand.Reader.
func NewEvent(recorder Recorder, eventType, id string, at time.Time, data any, nonce io.Reader) (*Event, error) {
	random, err := randomText(nonce)
	if err != nil {
		return nil, err
	}
	raw, err := marshalJSON(data)
	if err != nil {
		return nil, fmt.Errorf("data of %s event %s: %w", eventType, id, err)
	}
	return &Event{
		ID: id, Source: recorder.Source(), Type: eventType,
		Time: at.UTC().Format(time.RFC3339Nano), Nonce: random, Data: raw,
	}, nil
}

// Marshal returns the event as a line, without the line feed.
func (e *Event) Marshal() ([]byte, error) {
	return marshalJSON(struct {
		SpecVersion string          `json:"specversion"`
		ID          string          `json:"id"`
		Source      string          `json:"source"`
		Type        string          `json:"type"`
		Subject     string          `json:"subject,omitempty"`
		Time        string          `json:"time,omitempty"`
		Nonce       string          `json:"nonce"`
		Data        json.RawMessage `json:"data"`
	}{"1.0", e.ID, e.Source, e.Type, e.Subject, e.Time, e.Nonce, e.Data})
}

// marshalJSON is [json.Marshal] without its escaping of <, > and &.
func marshalJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// ParseEvent reads one line as strict JSON (RFC 8259 in UTF-8, no duplicate
// names, nested at most [MaxDepth] deep) and picks out the context attributes.
// It asks for an id, a source and a type, and that each attribute it knows is of
// its kind; everything else is for the schema to say. The result's Data aliases
// line.
func ParseEvent(line []byte) (*Event, error) {
	if err := checkDepth(line); err != nil {
		return nil, err
	}
	var raw struct {
		ID      string         `json:"id"`
		Source  string         `json:"source"`
		Type    string         `json:"type"`
		Subject string         `json:"subject"`
		Time    string         `json:"time"`
		Nonce   string         `json:"nonce"`
		Data    jsontext.Value `json:"data"`
	}
	if err := jsonv2.Unmarshal(line, &raw); err != nil {
		return nil, fmt.Errorf("not a strict JSON object of an event: %w", err)
	}
	if raw.ID == "" || raw.Source == "" || raw.Type == "" {
		return nil, errors.New("an event has an id, a source and a type")
	}
	return &Event{
		ID: raw.ID, Source: raw.Source, Type: raw.Type, Subject: raw.Subject,
		Time: raw.Time, Nonce: raw.Nonce, Data: raw.Data,
	}, nil
}

// checkDepth counts brackets outside of strings. On what is not JSON its answer
// means nothing, and the JSON reader has the last word.
func checkDepth(line []byte) error {
	depth, inString := 0, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return fmt.Errorf("nested more than %d deep", MaxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}
