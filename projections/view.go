package projections

import (
	"time"
)

// View is a pure function of facts to rows. It has no clock but the facts', no
// randomness and does no I/O: the same leaves give the same rows, however often it
// is stopped and started between them. What it must remember lies in its tables and
// states, never in variables.
type View struct {
	// Name is the name of its table, its feed and its path: a-z, 0-9 and -.
	Name string
	// Version rises when the same leaves would give other rows.
	Version int
	// Title says in one line, for people, what it answers.
	Title string
	// Family is the family of events that its rows tell of: access, facility,
	// attestation or registry. Whoever has no mandate for it doesn't see the view; one
	// that has none is seen only by those who have a mandate for all.
	Family string
	// Tenant is the column with the alias of the customer whom a row touches. Where it
	// is empty no row is one customer's, and whoever's mandate is bounded to customers
	// doesn't see the view. It is the operator's word, as is the rest of the row, in
	// the operator's own aliases: beside it stands the column operator.
	Tenant string
	// NamesFacilities says that the view's rows without an operator have the registry's name of their facility in the
	// column name. At most one view does. Pages of every view with a column facility show that name beside it.
	NamesFacilities bool
	// Reads are the types of events whose Data it looks at. Nil stands for all that
	// can be decoded; naming them makes replay faster.
	Reads []string
	// Tables are the tables and states it writes; the first is a table, the view's
	// own rows. Tables and states belong to one view.
	Tables []Schema
	// Leaf is called for every leaf, in order. It may be nil.
	Leaf func(tx *Tx, f *Fact) error
	// Due is called for a timer that fell due: tx.Now() is not before due. That is
	// before the first leaf whose Now is not before due is shown to Leaf, and counts
	// as done at that leaf. Timers fall due in the order of due, then key.
	Due func(tx *Tx, key string, due time.Time) error
}

// Schema is a [Table] or a [State].
type Schema interface {
	schema() *schema
}
