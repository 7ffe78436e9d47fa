package projections

import (
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/saksi-ledger/saksi/projections/store"
)

// Query asks for a view's rows.
type Query struct {
	// Where holds what all rows must satisfy.
	Where []Condition
	// Within holds what bounds whoever asks: conditions of another's making, all of
	// which rows must satisfy too.
	Within []Among
	// AsOf is the tree size to look at; 0 is the engine's newest.
	AsOf uint64
	// Limit is the most rows of a page: 100 if 0, at most 1,000.
	Limit int
	// Cursor is the Next of the page before, of the same query.
	Cursor string
	// Ascending turns the order round.
	Ascending bool
	// Count asks for the total, which takes looking at all rows that satisfy Where.
	Count bool
}

// Condition compares a column, key or from_leaf, with a value.
type Condition struct {
	Column string
	Op     Op
	Value  string
}

// Among is satisfied by rows whose texts in Columns, joined by slashes, are one of
// Values: by none, if there is no value.
type Among struct {
	Columns, Values []string
}

// Op is how a condition compares. Of lists, = and != look for an element, ~ for one
// that contains the value.
type Op = store.Op

const (
	Equal       = store.Equal
	NotEqual    = store.NotEqual
	Less        = store.Less
	LessOrEqual = store.LessOrEqual
	More        = store.More
	MoreOrEqual = store.MoreOrEqual
	Contains    = store.Contains // ASCII letters of either case are the same
)

// Page is an answer to a [Query].
type Page struct {
	Rows    []Row    `json:"rows"`
	Columns []Column `json:"columns"`
	// Next is the cursor of the next page, empty on the last. It stays with the tree
	// size of the first page, so that what is added meanwhile moves nothing.
	Next string `json:"next,omitempty"`
	// Size is the tree size that the rows are of, Now the time received of its last
	// leaf at the latest.
	Size uint64    `json:"size"`
	Now  time.Time `json:"now"`
	// Root is the tree's at Size. It is zero where the store doesn't know it: of
	// sizes at which the engine made no commit, or that are long past.
	Root tlog.Hash `json:"-"`
	// Total is how many rows satisfy the query, if it asked.
	Total *uint64 `json:"total,omitempty"`
}

// Row is a row of a page, as JSON its columns, with key and from_leaf before them, and facilityName after them if there
// is one.
type Row struct {
	Key string
	// From is the leaf that this version of the row is from.
	From uint64
	// Value points to a struct of the table's row type.
	Value any
	// FacilityName is what the registry called the row's facility at the size of the page, for people. It is foreign
	// text, and empty where the registry has no name or the row no facility.
	FacilityName string

	schema *schema
}

// Change is a step in a view's history. Its number rises from change to change, by more
// than one at times, and is the same whenever the view is made again.
type Change struct {
	// Number counts the view's changes from 1, without gaps.
	Number uint64 `json:"change"`
	Leaf   uint64 `json:"leaf"`
	// Now is the time at that leaf.
	Now  time.Time  `json:"now"`
	Kind ChangeKind `json:"kind"`
	Key  string     `json:"key"`
	// Row points to a struct of the view's row type: what the row was last if it
	// ended, what it is otherwise.
	Row any `json:"row"`
}

// ChangeKind is what became of a row.
type ChangeKind string

const (
	Added   ChangeKind = "added"
	Changed ChangeKind = "changed"
	Ended   ChangeKind = "ended"
)

// QueryError is an error of whoever asked: a column that isn't there, a value of
// the wrong kind, a cursor of another query.
type QueryError struct {
	// Problem is a sentence without its full stop.
	Problem string
	hint    string
}

func (e *QueryError) Error() string { return e.Problem }

// Hint says what to do about it; it may be empty.
func (e *QueryError) Hint() string { return e.hint }
