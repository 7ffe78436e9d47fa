// Package disclosed encrypts what opens the salted digests of one event to authorities,
// and checks what comes out again.
//
// A [Message] names the event by recorder, id and the digest of its line, and holds an age file
// (age-encryption.org/v1) whose content is a JSON array of RFC 9901 disclosures (section 4.2.1). What its header says is
// a claim: [Check] holds each disclosure against the event's own _sd digests. It is pure, as events is.
//
// Not here: where disclosures are stored and who may read them. Files, sockets and
// clocks are not used.
package disclosed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	jsonv2 "github.com/go-json-experiment/json"

	"github.com/saksi-ledger/saksi/events"
)

const (
	// MaxMessage is the largest message, in bytes.
	MaxMessage = 128 << 10
	// MaxContent is the most that is encrypted in one message, in bytes.
	MaxContent = 64 << 10
	// MaxDisclosures is the most of one event; MaxRecipients the most of one message.
	MaxDisclosures, MaxRecipients = 256, 16

	// step is what the content is padded to a multiple of, with spaces, so that its length says little.
	step = 512
)

// Message is what one event's digests stand for, for the recipients' eyes.
type Message struct {
	V          int           `json:"v"`
	Recorder   string        `json:"recorder"` // operator/facility/recorder
	ID         string        `json:"id"`       // the event's
	Event      events.Digest `json:"event"`    // of its line, as the manifest has it
	Recipients []string      `json:"recipients"`
	Ciphertext []byte        `json:"ciphertext"` // age file, not armored
}

// Seal encrypts the disclosures of the event on line to age recipients (X25519, age1…).
func Seal(recorder events.Recorder, line []byte, list []events.Disclosure, recipients []string) (*Message, error) {
	fail := func(err error) (*Message, error) {
		return nil, fmt.Errorf("encrypt disclosures of %s: %w", recorder, err)
	}
	event, err := events.ParseEvent(line)
	switch {
	case err != nil:
		return fail(err)
	case event.Source != recorder.Source():
		return fail(fmt.Errorf("the event is of %.200q", event.Source))
	case len(recipients) == 0 || len(recipients) > MaxRecipients:
		return fail(fmt.Errorf("%d recipients: want 1 to %d", len(recipients), MaxRecipients))
	}
	if _, err := Check(line, list); err != nil {
		return fail(err)
	}
	ciphertext, err := encrypt(list, recipients)
	if err != nil {
		return fail(err)
	}
	return &Message{V: 1, Recorder: recorder.String(), ID: event.ID, Event: events.DigestOf(line), Recipients: recipients, Ciphertext: ciphertext}, nil
}

// encrypt makes an age file of disclosures.
func encrypt(list []events.Disclosure, recipients []string) ([]byte, error) {
	content, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	content = append(content, bytes.Repeat([]byte(" "), (step-len(content)%step)%step)...)
	if len(content) > MaxContent {
		return nil, fmt.Errorf("%d bytes: the most is %d", len(content), MaxContent)
	}
	var to []age.Recipient
	for _, text := range recipients {
		r, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, fmt.Errorf("recipient %.80q: %w", text, err)
		}
		to = append(to, r)
	}
	var file bytes.Buffer
	w, err := age.Encrypt(&file, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

// Marshal returns the message's one written form.
func (m *Message) Marshal() ([]byte, error) { return jsonv2.Marshal(m) }

// Parse reads a message that is in its one written form.
func Parse(text []byte) (*Message, error) {
	if len(text) > MaxMessage {
		return nil, fmt.Errorf("disclosures: %d bytes: the most is %d", len(text), MaxMessage)
	}
	m := &Message{}
	if err := jsonv2.Unmarshal(text, m, jsonv2.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("disclosures: %w", err)
	}
	recorder, err := events.ParseRecorder(m.Recorder)
	again, merr := m.Marshal()
	switch {
	case err != nil:
		return nil, fmt.Errorf("disclosures: %w", err)
	case merr != nil || !bytes.Equal(again, text):
		return nil, errors.New("disclosures: not in the one written form")
	case m.V != 1 || !recorder.IsOperator() || m.ID == "" || len(m.Recipients) == 0 || len(m.Recipients) > MaxRecipients:
		return nil, errors.New("disclosures: want version 1, an operator's recorder, an event's id and 1 to 16 recipients")
	}
	return m, nil
}

// Open decrypts the message. What it returns is not checked against the event: see [Check].
func (m *Message) Open(identities ...age.Identity) ([]events.Disclosure, error) {
	fail := func(err error) ([]events.Disclosure, error) {
		return nil, fmt.Errorf("decrypt disclosures of %.200s of %s: %w", m.ID, m.Recorder, err)
	}
	r, err := age.Decrypt(bytes.NewReader(m.Ciphertext), identities...)
	if err != nil {
		return fail(err)
	}
	content, err := io.ReadAll(io.LimitReader(r, MaxContent+1))
	if err != nil {
		return fail(err)
	}
	if len(content) > MaxContent {
		return fail(fmt.Errorf("more than %d bytes", MaxContent))
	}
	var list []events.Disclosure
	if err := jsonv2.Unmarshal(content, &list); err != nil {
		// The error of the parser may quote what was secret.
		return fail(errors.New("what it holds is not an array of disclosures"))
	}
	return list, nil
}

// Reseal encrypts what is in the message anew: to the recipient next in the place of the
// identity's own, and to all others that it is for. One that the message names and that
// can't be encrypted to, so that it can't be anybody's, is left out. It can't be checked
// against the event here: see [Check].
func (m *Message) Reseal(old *age.X25519Identity, next string) (*Message, error) {
	list, err := m.Open(old)
	if err != nil {
		return nil, err
	}
	recipients := make([]string, 0, len(m.Recipients))
	for _, r := range m.Recipients {
		if r == old.Recipient().String() {
			r = next
		} else if _, err := age.ParseX25519Recipient(r); err != nil {
			continue
		}
		recipients = append(recipients, r)
	}
	ciphertext, err := encrypt(list, recipients)
	if err != nil {
		return nil, fmt.Errorf("encrypt disclosures of %s anew: %w", m.Recorder, err)
	}
	again := *m
	again.Recipients, again.Ciphertext = recipients, ciphertext
	return &again, nil
}

// Fact is what one disclosure says.
type Fact struct {
	Name  string
	Value any
}

// Check opens disclosures of the event on line. Each must have its digest in an _sd of the event's data, or of the value
// of a disclosure before it (RFC 9901, section 4.2.6), and none may come twice or be named as SD-JWT's own members are
// (section 7.1).
func Check(line []byte, list []events.Disclosure) ([]Fact, error) {
	event, err := events.ParseEvent(line)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > MaxDisclosures {
		return nil, fmt.Errorf("%d disclosures: want 1 to %d", len(list), MaxDisclosures)
	}
	var data any
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return nil, fmt.Errorf("data of the event: %w", err)
	}
	open := map[string]bool{}
	collect(data, open)
	facts := make([]Fact, 0, len(list))
	for i, d := range list {
		name, value, err := d.Open()
		switch {
		case err != nil:
			return nil, fmt.Errorf("disclosure %d: %w", i+1, err)
		case !open[d.Digest()]:
			return nil, fmt.Errorf("disclosure %d: its digest %s is not in the event, or came before", i+1, d.Digest())
		case name == "_sd" || name == "...":
			return nil, fmt.Errorf("disclosure %d: %q can't be disclosed", i+1, name)
		}
		delete(open, d.Digest())
		collect(value, open)
		facts = append(facts, Fact{name, value})
	}
	return facts, nil
}

// collect adds the digests in v's _sd arrays.
func collect(v any, to map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if digests, ok := member.([]any); ok && name == "_sd" {
				for _, d := range digests {
					if text, ok := d.(string); ok {
						to[text] = true
					}
				}
				continue
			}
			collect(member, to)
		}
	case []any:
		for _, element := range v {
			collect(element, to)
		}
	}
}
