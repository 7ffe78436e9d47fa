package connect

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/saksi-ledger/saksi/events"
)

// Connector turns the records of one system's logs into events. It keeps no
// state, and is as safe for concurrent use as its [Options] are.
type Connector interface {
	// System names the system as it stands in ext.native, such as aws.cloudtrail.
	System() string
	// Files reports whether a file in a directory is one of the system's logs, by
	// its path alone.
	Files(path string) bool
	// Format says how records stand in a log.
	Format() Format
	// Draft makes events of one record, at least one. The events' ids and times
	// depend on the record and the table of pseudonyms alone, so that importing
	// twice gives the same; disclosures hold what an event only has as
	// digests. It fails where the record is another system's ([ErrOther]), says
	// nothing ([ErrNoEvent]), or can't be read. Its errors repeat names of members,
	// never what stands in them.
	Draft(record []byte) ([]events.Draft, error)
}

// System is a kind of native log that can be imported, as package systems lists
// them.
type System struct {
	// Name is what it is called on the command line, Title in a sentence.
	Name, Title string
	// Mapped says that Options.Mapping must be set.
	Mapped bool
	// New returns a connector.
	New func(Options) (Connector, error)
}

// Options are what a log doesn't say about itself.
type Options struct {
	// Recorder is under whose name the events are published: an operator's.
	Recorder events.Recorder
	// Party is whose account or whose people the log is of. There is no default:
	// whoever imports a customer's account must say so.
	Party events.Party
	// Pseudonym returns the pseudonym of a native principal: random, the same
	// each time, at most 128 bytes of printable UTF-8. Connectors say in their
	// documentation what it is asked for. Its own errors come back, wrapped.
	Pseudonym func(principal string) (string, error)
	// Random is where nonces and salts come from. If nil, it is
	// crypto/rand.Reader; anything else is for tests.
	Random io.Reader
	// Mapping is the content of the mapping file, for systems that need one.
	Mapping []byte
}

// Check completes options, and says what is wrong with them.
func (o Options) Check() (Options, error) {
	switch {
	case !o.Recorder.IsOperator():
		return o, fmt.Errorf("recorder %q: want an operator's, <operator>/<facility>/<recorder>", o.Recorder)
	case o.Pseudonym == nil:
		return o, errors.New("there is no table of pseudonyms: principals must not stand in events by name")
	case !IsParty(o.Party):
		return o, fmt.Errorf("party %q: say whose account this is: operator, parent, landlord, vendor, customer or authority", o.Party)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return o, nil
}

// IsParty reports whether an actor can be on this side.
func IsParty(p events.Party) bool {
	switch p {
	case events.PartyOperator, events.PartyParent, events.PartyLandlord, events.PartyVendor, events.PartyCustomer, events.PartyAuthority:
		return true
	}
	return false
}
