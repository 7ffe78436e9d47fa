package vocabulary

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/saksi-ledger/saksi/events"
)

// Kind is an event type whose data is a D.
type Kind[D any] struct{ name string }

// Type returns the event type, as it is written.
func (k Kind[D]) Type() string { return k.name }

// Of says data as an event of this type.
func (k Kind[D]) Of(data D) Said { return Said{k.name, data} }

// Said is what an event says: its type, and data that belongs to the type. The zero Said says nothing.
type Said struct {
	name string
	data any
}

// Type returns the event type.
func (s Said) Type() string { return s.name }

// Data returns what it says, as it stands under data.
func (s Said) Data() any { return s.data }

// Attributes are what an event has besides what it says. Each may be left out.
type Attributes struct {
	// ID is unique within the recorder; empty: 128 random bits, in hex.
	ID string
	// Subject is what was touched, if that can be named without a person.
	Subject string
	// Time is when it happened; zero: now, to the millisecond.
	Time time.Time
	// Random is what nonce and id are made of; nil: [rand.Reader].
	Random io.Reader
}

// Event makes the event by which a recorder says it. The error says why admission, by the newest rule set, would not
// take it from this recorder: by whom it may be said, an [*schema.Error] for what is wrong with its form or in which
// it contradicts itself.
func (s Said) Event(recorder events.Recorder, a Attributes) (*events.Event, error) {
	if a.Random == nil {
		a.Random = rand.Reader
	}
	if a.Time.IsZero() {
		a.Time = time.Now().Truncate(time.Millisecond)
	}
	if a.ID == "" {
		var id [16]byte
		if _, err := io.ReadFull(a.Random, id[:]); err != nil {
			return nil, fmt.Errorf("id of %s event: %w", s.name, err)
		}
		a.ID = hex.EncodeToString(id[:])
	}
	e, err := events.NewEvent(recorder, s.name, a.ID, a.Time, s.data, a.Random)
	if err != nil {
		return nil, err
	}
	e.Subject = a.Subject
	if err := Check(e); err != nil {
		return nil, err
	}
	return e, nil
}
