package store

// Type is how a column's values are stored.
type Type string

const (
	Text    Type = "text"    // string, valid UTF-8, ordered by its bytes
	Integer Type = "integer" // int64
	Real    Type = "real"    // float64, never NaN or negative zero
	Time    Type = "time"    // string as [FormatTime] writes it, empty where it isn't known
	List    Type = "list"    // string, a JSON array of strings
)

// Column is a column of a table. It always has a value.
type Column struct {
	Name  string
	Type  Type
	Index bool // fast to filter by
}

// Table is a table of versions: each is what its key stood for from one leaf until
// another.
type Table struct {
	Name    string
	Columns []Column
	// Order is the place in Columns of the one that pages are ordered by, -1 where
	// they are ordered by change.
	Order int
}

// Layout is all that a generation holds.
type Layout struct {
	Tables []Table
	States []string
	// Stamp says what made the rows: another stamp, other rows.
	Stamp string
}

// Kinds of versions. An ended one stands for the end of a row: its To is its From, so
// it is visible at no size.
const (
	Added   = 1
	Changed = 2
	Ended   = 3
)

// ChangesOfLeaf is how many numbers a leaf has for a table's changes.
const ChangesOfLeaf = 1 << 20

// FirstChange is the number of a table's first change by a leaf, at the least. Changes
// are numbered by leaf, so that they keep their numbers when views are made again from a
// ledger in which something else was erased: whoever follows a feed goes on by them.
func FirstChange(leaf uint64) uint64 { return leaf*ChangesOfLeaf + 1 }

// KeptPositions is how many commits' roots are remembered.
const KeptPositions = 10000
