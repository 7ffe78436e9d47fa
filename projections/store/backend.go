package store

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Backend is one place where views' rows are kept: a directory, say, or memory. It
// has generations, each a whole set of rows with its position. The live generation is
// the one that readers see; a new one can be built beside it and takes its place.
//
// A Backend and its Readers are safe for concurrent use.
type Backend interface {
	// String names the place in messages.
	fmt.Stringer
	// Shared tells whether other processes can open the same place. What is
	// committed to a shared place outlives the process.
	Shared() bool
	// Acquire takes the right to write to the live generation, which one holder has at
	// a time. An error that wraps [ErrLocked] says that somebody else has it. A holder
	// whose process ends loses it.
	Acquire(ctx context.Context, layout Layout) (Holder, error)
	// Build begins a new generation without rows. One at a time is built; what an
	// earlier build left unfinished is removed. An error that wraps [ErrLocked] says
	// that somebody else is building.
	Build(ctx context.Context, layout Layout) (Build, error)
	// Waiting tells whether a generation was offered and is not live yet.
	Waiting(ctx context.Context) (bool, error)
	// Reader reads the live generation. That there is none is an error of its Read.
	Reader(layout Layout) Reader
}

// Holder is the right to write to the live generation. One goroutine uses it.
type Holder interface {
	// Open opens the live generation, and makes one without rows if there is none. An
	// error that wraps [ErrOther] says that another layout's rows are in it, one that
	// wraps [ErrDamaged] that it can't be read. One Writer is open at a time.
	Open(ctx context.Context) (Writer, error)
	// Adopt makes the generation that waits the live one, and reports whether it did.
	// The Writer must be closed. Readers go on with the old generation until their Read
	// returns. One that can't be opened, or has another layout, is removed, with an error
	// that wraps [ErrUnusable].
	Adopt(ctx context.Context) (bool, error)
	// Remove removes the live generation. The Writer must be closed.
	Remove(ctx context.Context) error
	// SetAside takes the live generation, which is damaged, out of the way and keeps it
	// for whoever wants to find out why. It returns what it is called now. The Writer
	// must be closed.
	SetAside(ctx context.Context) (string, error)
	// Close gives the right to write back.
	io.Closer
}

// Writer writes to a generation. One goroutine commits; the other methods can be
// called from any number between commits, and see what was committed last.
type Writer interface {
	// Position returns how far the generation has come; the zero one where nothing was
	// committed.
	Position(ctx context.Context) (Position, error)
	// Timers returns all timers, in any order.
	Timers(ctx context.Context) ([]Timer, error)
	// LastChange returns the number of a table's last change, 0 if there is none.
	LastChange(ctx context.Context, table int) (uint64, error)
	// Current returns the version that a key has now, or nil.
	Current(ctx context.Context, table int, key string) (*Version, error)
	// State returns a value of a state, or nil.
	State(ctx context.Context, state int, key string) ([]byte, error)
	// Commit writes a batch, all of it or nothing. After an error it isn't known which:
	// Position says. A power cut may take back the last commits, never a part of one.
	Commit(ctx context.Context, b *Batch) error
	// Indexed tells whether all indexes are there.
	Indexed() bool
	// MakeIndexes makes the indexes that are missing. On many rows it takes a while, and
	// is much faster than to insert them with the indexes there.
	MakeIndexes(ctx context.Context) error
	io.Closer
}

// Build is a generation that is being built, which no Reader of the Backend sees.
// Nothing of it needs to survive a crash before it is offered.
type Build interface {
	Writer
	// Finish makes the generation whole: indexed, and on the disk if there is one.
	// Nothing is committed after it.
	Finish(ctx context.Context) error
	// Reader reads the finished generation before it is offered.
	Reader() Reader
	// Offer has the finished generation wait for a [Holder] to adopt it. One that waits
	// already is replaced.
	Offer(ctx context.Context) error
	// Close removes the generation unless it was offered, and lets others build.
	io.Closer
}

// Reader reads a generation while somebody writes to it.
type Reader interface {
	// Read calls f with a snapshot, which is good until f returns. It may call f again
	// where a new generation becomes live meanwhile. That there is no generation is an
	// error that wraps os.ErrNotExist; one of another layout is [ErrOther], one that
	// can't be read [ErrDamaged].
	Read(ctx context.Context, f func(Snapshot) error) error
	io.Closer
}

// Snapshot is one state of a generation, however much is written meanwhile. One
// goroutine uses it. What f returns of an error ends the call with that error; f must
// not call the Snapshot, and may keep the versions that it is given.
type Snapshot interface {
	// Position is how far the generation has come.
	Position() Position
	// Versions calls f for the versions that a Select asks for, in its order.
	Versions(ctx context.Context, s *Select, f func(Version) error) error
	// Count returns how many versions satisfy a filter.
	Count(ctx context.Context, q *Filter) (uint64, error)
	// Groups counts the versions that satisfy a filter by what their columns hold. The
	// groups are in the order of their values. An error that wraps [ErrManyGroups] says
	// that there are more than [MaxGroups].
	Groups(ctx context.Context, g *Grouping) ([]Group, error)
	// ByKey calls f for all versions visible as of a size, in the order of their keys'
	// bytes, then of their changes.
	ByKey(ctx context.Context, table int, asOf uint64, f func(Version) error) error
	// Changes calls f for the versions after a change, ends included, in the order of
	// their changes, at most limit of them.
	Changes(ctx context.Context, table int, after uint64, limit int, f func(Version) error) error
	// Now returns the time at a leaf.
	Now(ctx context.Context, leaf uint64) (time.Time, error)
	// Root returns the root of the tree of a size, and whether it is known: it is of the
	// last [KeptPositions] commits.
	Root(ctx context.Context, size uint64) (root [32]byte, ok bool, err error)
}
