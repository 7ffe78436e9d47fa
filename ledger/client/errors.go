package client

import (
	"fmt"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// hinted is an error that says what a person can do about it. Callers find the
// hint with errors.As and interface{ Hint() string }.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// Hint says what to do.
func (e hinted) Hint() string { return e.hint }

func hint(hint, format string, args ...any) error {
	return hinted{fmt.Errorf(format, args...), hint}
}

// StaleError says that the outbox is not the one that writes for a recorder:
// it is behind what the ledger accepted, or another one publishes beside it.
// Nothing is added or sent for that recorder until [Client.Prepare] finds the
// two in agreement again.
type StaleError struct {
	Recorder events.Recorder
	Reason   string
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("outbox for recorder %s: %s", e.Recorder, e.Reason)
}

// Hint says what to do.
func (e *StaleError) Hint() string {
	return "use the newest copy of this outbox, and one at a time; if it is gone, move this file away and start " +
		"with an empty one: it goes on where the ledger stands, and importing the native logs again fills it"
}

// ForkError says that the ledger contradicts itself: two checkpoints, both with
// its signature, of which neither continues the other, or a tree smaller than
// it had already shown. Both notes are kept in the outbox as evidence, see
// [Outbox.Evidence].
type ForkError struct {
	Origin string
	// Seen was verified before, Got came now.
	Seen, Got *formats.Checkpoint
}

func (e *ForkError) Error() string {
	switch {
	case e.Got.Size < e.Seen.Size:
		return fmt.Sprintf("ledger %s now shows a tree of %d leaves, and has signed one of %d before", e.Origin, e.Got.Size, e.Seen.Size)
	case e.Got.Size == e.Seen.Size:
		return fmt.Sprintf("ledger %s has signed two different trees of %d leaves", e.Origin, e.Got.Size)
	}
	return fmt.Sprintf("ledger %s has signed a tree of %d leaves that does not continue its tree of %d", e.Origin, e.Got.Size, e.Seen.Size)
}

// Hint says what to do.
func (e *ForkError) Hint() string {
	return "this must not happen: nothing more is believed or forgotten; show both checkpoints, which the outbox keeps as evidence, to the authority and the witnesses"
}
