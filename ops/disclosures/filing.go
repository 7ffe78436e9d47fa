package disclosures

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/disclosed"
	"github.com/saksi-ledger/saksi/ledger/admission"
)

// Bodies returns the body of a leaf, see [github.com/saksi-ledger/saksi/ledger.Reader];
// nil, without an error, if its body is gone. That there is no such leaf yet is an
// [ErrNoLeaf].
type Bodies func(ctx context.Context, leaf uint64) ([]byte, error)

// ErrNoLeaf says that the tree has not come so far.
var ErrNoLeaf = errors.New("there is no such leaf yet")

// patience is how long the leaf is waited for of an event that a message says to open. An
// operator sends it when it has the receipt.
const patience = time.Hour

// Misfiled is what was found wrong with where an operator filed what it disclosed.
type Misfiled struct {
	// Moved are messages that were on another pseudonym's subject than their event's, and
	// are on the right one now; Refused those that open no event of the ledger, and were
	// erased.
	Moved   int       `json:"moved"`
	Refused int       `json:"refused"`
	Last    time.Time `json:"last"`   // when the newest of them was received
	Reason  string    `json:"reason"` // what was wrong with it
}

// ReadMisfiled reads what was found so far, by operator, from a file of JSON; nothing if
// there is none.
func ReadMisfiled(path string) (map[string]Misfiled, error) {
	all := map[string]Misfiled{}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return all, nil
	} else if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// File holds each message from a place in the stream on to the event that it says to open,
// and returns the place to go on from. What is filed under another pseudonym than the
// event's is moved to where it is looked for, with the time at which it was first sent;
// what opens no event of the ledger is overwritten and deleted, as nothing would ever
// find it, and so is what opens an event that was erased, unless a hold covers it. Into
// found goes what was wrong, by operator.
func (c *Store) File(ctx context.Context, from uint64, now time.Time, bodies Bodies, holds []admission.Hold, found map[string]Misfiled) (next uint64, err error) {
	f := &filing{bodies: bodies}
	next = from
	waits := false
	err = c.each(ctx, []string{"disclosures.>", "reencrypted.>"}, from, func(m *Stored) (bool, error) {
		subject, problem, err := f.place(ctx, m)
		if errors.Is(err, ErrNoLeaf) && now.Sub(m.Received) < patience {
			waits = true
			return true, nil
		} else if errors.Is(err, ErrNoLeaf) {
			subject, problem = "", fmt.Sprintf("it says to open event %s, and there is none", m.event)
		} else if err != nil {
			return false, err
		}
		if !waits {
			next = m.sequence + 1
		}
		if problem == goneEvent {
			if held(m, holds) {
				return true, nil
			}
			return true, c.delete(ctx, m)
		}
		if problem == "" {
			return true, nil
		}
		operator := strings.Split(m.Subject, ".")[1]
		was := found[operator]
		was.Last, was.Reason = m.Received, problem
		if subject == "" {
			was.Refused++
			err = c.delete(ctx, m)
		} else {
			was.Moved++
			c.mu.Lock()
			err = c.succeed(ctx, m, disclosed.Reencrypted(subject), m.Message, "moved "+events.DigestOf(m.Message).String())
			c.mu.Unlock()
		}
		if err != nil {
			return false, err
		}
		found[operator] = was
		return true, nil
	})
	return next, err
}

// filing remembers the body that was looked at last: many events share one.
type filing struct {
	bodies   Bodies
	leaf     uint64
	envelope *events.Envelope
}

// place says what is wrong with where a message is, and the subject on which it belongs;
// empty if on none.
func (f *filing) place(ctx context.Context, m *Stored) (subject, problem string, err error) {
	message, err := disclosed.Parse(m.Message)
	if err != nil {
		return "", err.Error(), nil
	}
	recorder, err := events.ParseRecorder(message.Recorder)
	if err != nil {
		return "", err.Error(), nil
	}
	_, own, _ := strings.Cut(m.Subject, ".")
	if !strings.HasPrefix(own, strings.ReplaceAll(message.Recorder, "/", ".")+".") {
		return "", fmt.Sprintf("it was sent as another recorder's than %s", message.Recorder), nil
	}
	ref, err := events.ParseRef(m.event)
	if err != nil {
		return "", fmt.Sprintf("it doesn't say by %s which event it opens", disclosed.HeaderEvent), nil
	}
	envelope, err := f.body(ctx, ref.Leaf)
	switch {
	case errors.Is(err, errNoEnvelope):
		return "", fmt.Sprintf("it says to open event %s, and there is none", m.event), nil
	case err != nil:
		return "", "", err
	case envelope == nil:
		return "", "", nil // it was erased or is past its retention: nothing says any more whom it named
	case envelope.Manifest.Recorder != recorder || ref.Event >= len(envelope.Manifest.Events) || envelope.Manifest.Events[ref.Event] != message.Event:
		return "", fmt.Sprintf("it says to open event %s, and is of another", m.event), nil
	case len(envelope.Lines[ref.Event]) == 0:
		return "", goneEvent, nil
	}
	event, err := events.ParseEvent(envelope.Lines[ref.Event])
	if err != nil {
		return "", "", fmt.Errorf("read event %s: %w", m.event, err)
	}
	right := disclosed.Subject(recorder, event.Actor())
	if _, belongs, _ := strings.Cut(right, "."); belongs != own {
		return right, fmt.Sprintf("it opens event %s, and was filed under another pseudonym", m.event), nil
	}
	return "", "", nil
}

// goneEvent is the problem of a message whose event was erased: nobody's fault.
const goneEvent = "the event was erased"

// held tells whether a hold covers what a message may tell, as far as its subject says of
// whom that is.
func held(m *Stored, holds []admission.Hold) bool {
	tokens := strings.Split(m.Subject, ".")
	for _, h := range holds {
		said := admission.HoldTarget{Operator: tokens[1], Facility: m.facility(), Received: m.Received}
		for _, actor := range h.Actors {
			if disclosed.Token(actor) == tokens[len(tokens)-1] {
				said.Actors = append(said.Actors, actor)
			}
		}
		if h.Covers(said) {
			return true
		}
	}
	return false
}

var errNoEnvelope = errors.New("it holds no events")

func (f *filing) body(ctx context.Context, leaf uint64) (*events.Envelope, error) {
	if f.envelope != nil && f.leaf == leaf {
		return f.envelope, nil
	}
	text, err := f.bodies(ctx, leaf)
	if err != nil || text == nil {
		return nil, err
	}
	envelope, err := events.ParseEnvelope(text)
	if err != nil {
		return nil, errNoEnvelope
	}
	f.leaf, f.envelope = leaf, envelope
	return envelope, nil
}
