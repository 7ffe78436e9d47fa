package store

import "time"

// Position is how far a generation has come.
type Position struct {
	Size        uint64 // leaves seen
	Root        [32]byte
	Now         time.Time
	WithoutBody uint64
	// Frontier holds the hashes from which the root of any larger tree follows.
	Frontier []byte
}

// Batch is what one commit writes.
type Batch struct {
	Position Position
	First    uint64 // the leaf that Nows begins with
	Nows     []time.Time
	Tables   []Versions // as in the layout
	States   [][]Value  // as in the layout
	Timers   []Timer
}

// Versions are the new versions of a table, and which older ones ended.
type Versions struct {
	New int
	// Version returns version i, with the values of its columns appended to those
	// given. Changes rise from version to version.
	Version func(values []any, i int) (NewVersion, error)
	// Ends are of versions that still hold. The leaves are not before the size of the
	// commit before.
	Ends []End
}

// NewVersion is a version to be written.
type NewVersion struct {
	Version
	To uint64 // leaf at which it ended, in this batch; 0 while it holds
}

// End says at which leaf a version ended, which is after the one that it is from.
type End struct{ Change, Leaf uint64 }

// Value is a value of a state; nil deletes it.
type Value struct {
	Key  string
	JSON []byte
}

// Timer is a view's timer; a zero Due deletes it.
type Timer struct {
	View, Key string
	Due       time.Time
}

// timeLayout has all times the same length, so that their order is their text's.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// FormatTime returns a time as it is stored.
func FormatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(timeLayout)
}

// ParseTime reads a time as it is stored.
func ParseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	return time.Parse(timeLayout, s)
}
