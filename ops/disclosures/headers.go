package disclosures

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
)

// Header is the age header of a message that is kept, and where that is.
type Header struct {
	Place   uint64        // in the stream
	Message events.Digest // of the message
	Header  []byte
}

// looked is after how many messages a page of headers ends, however few are for the
// recipient.
const looked = 20_000

// Headers returns the headers of messages for a recipient, at most 1,000, from the place
// that the page before gave as next, 0 being the beginning; next is 0 if there is nothing
// after it. What they are the headers of stays here, so that whoever they are for can
// encrypt them anew without reading anything.
func (c *Store) Headers(ctx context.Context, recipient string, from uint64) (page []Header, next uint64, err error) {
	n := 0
	err = c.each(ctx, []string{"disclosures.>", "reencrypted.>"}, from, func(m *Stored) (bool, error) {
		if n++; n > looked || len(page) == pageMessages {
			next = m.sequence
			return false, nil
		}
		message, err := disclosed.Parse(m.Message)
		if err != nil || !slices.Contains(message.Recipients, recipient) {
			return true, nil
		}
		header, err := message.Header()
		if err != nil {
			return true, nil // it opens for nobody
		}
		page = append(page, Header{m.sequence, events.DigestOf(m.Message), header})
		return true, nil
	})
	return page, next, err
}

// Rewrap puts another header on a message for a recipient, which wraps its key for next,
// and keeps it in the place of the old one, for no longer. A message that isn't there any
// more, or has a successor already, is no error. See [disclosed.Message.WithHeader] for
// what a header may change.
func (c *Store) Rewrap(ctx context.Context, recipient, next string, h Header) error {
	raw, err := c.stream.GetMsg(ctx, h.Place)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read disclosure %d: %w", h.Place, err)
	}
	m, err := storedFrom(raw.Subject, raw.Time, raw.Data, raw.Header, raw.Sequence)
	if err != nil {
		return err
	}
	if events.DigestOf(m.Message) != h.Message {
		return &HeaderError{fmt.Errorf("disclosure %d is another message than %s", h.Place, h.Message)}
	}
	message, err := disclosed.Parse(m.Message)
	if err != nil {
		return &HeaderError{err}
	}
	again, err := message.WithHeader(h.Header, recipient, next)
	if err != nil {
		return &HeaderError{err}
	}
	text, err := again.Marshal()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.replace(ctx, m, text)
}

// HeaderError says that a header is not what may be put on a message.
type HeaderError struct{ Err error }

func (e *HeaderError) Error() string { return e.Err.Error() }

func (e *HeaderError) Unwrap() error { return e.Err }

// successors returns which messages have had one stored, by digest: the messages
// themselves are deleted after, unless a run was interrupted in between. They are read
// once. c.mu is held.
func (c *Store) successors(ctx context.Context) (map[string]bool, error) {
	if c.there != nil {
		return c.there, nil
	}
	there := map[string]bool{}
	err := c.each(ctx, []string{"reencrypted.>"}, 0, func(m *Stored) (bool, error) {
		there[m.replaces] = true
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	c.there = there
	return there, nil
}
