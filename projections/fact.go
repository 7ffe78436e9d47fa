package projections

import (
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/formats"
)

// Fact is a leaf as views see it. Views must not change it.
type Fact struct {
	Index uint64
	Leaf  *formats.Leaf
	// Now is the latest Received of leaves 0 to Index: the only clock of a view.
	Now time.Time
	// Manifest is nil unless the leaf is accepted or a duplicate and its body is
	// there.
	Manifest *events.Manifest
	// Signers are the keys that signed it, of an accepted leaf whose body is there.
	Signers []events.KeyID
	// Events are those of an accepted leaf whose body is there, in order.
	Events []Event
	// NoBody says that the reader had no body to give: it has no mandate for it,
	// or the body was erased.
	NoBody bool

	hash tlog.Hash // of the leaf, RFC 6962
	size int       // of the body, in bytes
}

// Event is one event of a fact.
type Event struct {
	events.Ref
	*events.Event
	Sequence uint64 // its recorder's number for it
	Recorder events.Recorder
	// Data points to the vocabulary's struct of its type, as *events.SessionOpened,
	// decoded once for all views. It is nil for types that no view reads, and where
	// Undecoded says why.
	Data any
	// Undecoded is why Data is nil of a type that should have some: admission's
	// schema let pass what the struct can't hold.
	Undecoded error
}
