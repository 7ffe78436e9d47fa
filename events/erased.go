package events

import "fmt"

// Where an event was erased from an envelope, its line is empty: only the line feed is
// left. Line 1 stays, and with it the event's digest, number and signature.

// Without returns the envelope with the events at some places erased; without any
// places, with all of them erased. Erasing an event again is no error.
func (e *Envelope) Without(places ...int) (*Envelope, error) {
	out := *e
	out.Lines = make([][]byte, len(e.Lines))
	if len(places) == 0 {
		return &out, nil
	}
	copy(out.Lines, e.Lines)
	for _, place := range places {
		if place < 0 || place >= len(e.Lines) {
			return nil, fmt.Errorf("event %d: the envelope has %d, from 0", place, len(e.Lines))
		}
		out.Lines[place] = nil
	}
	return &out, nil
}

// Erased returns the places of events that were erased, ascending.
func (e *Envelope) Erased() []int {
	var places []int
	for i, line := range e.Lines {
		if len(line) == 0 {
			places = append(places, i)
		}
	}
	return places
}

// CheckRemaining is [Envelope.CheckDigests] of the events that were not erased.
func (e *Envelope) CheckRemaining() error {
	return e.checkDigests(func(line []byte) bool { return len(line) == 0 })
}
