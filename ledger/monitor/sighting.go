package monitor

import (
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Level is how much a sighting matters.
type Level string

// The levels.
const (
	// Info is what is as it should be.
	Info Level = "info"
	// Trouble is what keeps the monitor from seeing: a server that is away, or shows an
	// old tree, or doesn't prove what it shows. It may pass.
	Trouble Level = "trouble"
	// Alarm is what a ledger has signed and can't be.
	Alarm Level = "alarm"
)

// Kind names what was seen.
type Kind string

// The kinds of sightings.
const (
	Began      Kind = "began"      // the first checkpoint of a tree
	Grew       Kind = "grew"       // a checkpoint that continues all before it
	Epoch      Kind = "epoch"      // the ledger began an epoch
	Anchored   Kind = "anchored"   // a checkpoint stands in a Rekor
	Cosigned   Kind = "cosigned"   // witnesses have cosigned a checkpoint
	Agrees     Kind = "agrees"     // what somebody else was shown is of this tree
	Successor  Kind = "successor"  // another tree has taken this one's place
	Away       Kind = "away"       // the server doesn't answer, or not with what can be believed
	Withheld   Kind = "withheld"   // a signed checkpoint can't be compared: its tiles don't come
	WentBack   Kind = "went_back"  // an older view than was seen before
	Stale      Kind = "stale"      // nothing new for too long
	Unanchored Kind = "unanchored" // an anchor can't be checked, or none comes
	Uncosigned Kind = "uncosigned" // there is no quorum
	Forked     Kind = "forked"     // the log has signed two histories
	Genesis    Kind = "genesis"    // leaf 0 isn't the one that the trust file names
	Order      Kind = "order"      // leaves aren't in the order of the stream
	BadAnchor  Kind = "bad_anchor" // an entry of a trusted Rekor that doesn't hold
)

// Sighting is one thing that was seen. Its JSON is a contract.
type Sighting struct {
	Time   time.Time `json:"time"`
	Level  Level     `json:"level"`
	Kind   Kind      `json:"kind"`
	Ledger string    `json:"ledger,omitempty"` // origin
	// From is where it was seen: an address or a file.
	From string `json:"from,omitempty"`
	// Size and Root are of the checkpoint that it is about.
	Size uint64     `json:"size,omitempty"`
	Root *tlog.Hash `json:"root,omitempty"`
	// Leaf is where an epoch began, or an order is broken.
	Leaf *uint64 `json:"leaf,omitempty"`
	// Proof is a file that proves it to anyone: saksi verify reads it.
	Proof string `json:"proof,omitempty"`
	// Text says it to people.
	Text string `json:"text"`
}
