// Package store keeps views' rows in SQLite: how the tables lie, what one commit
// writes, and the queries that page through them. Of views it knows no more than
// the names and types of columns.
package store

import (
	"fmt"
	"strings"
)

// Type is how a column's values are stored.
type Type string

const (
	Text    Type = "TEXT"
	Integer Type = "INTEGER"
	Real    Type = "REAL"
)

// Column is a column of a table. None is ever NULL.
type Column struct {
	Name  string
	Type  Type
	Index bool
}

// Table is a table of versions: each row was what its key stood for from from_leaf
// to to_leaf, which is NULL while it still is.
type Table struct {
	Name    string
	Columns []Column
	// Order is the place in Columns of the one that pages are ordered by, -1 where
	// they are ordered by change.
	Order int
}

// Layout is all that a database holds.
type Layout struct {
	Tables []Table
	States []string
	// Stamp says what made the rows: another stamp, other rows.
	Stamp string
}

// kinds of versions, as stored. An ended one stands for the end of a row: its
// from_leaf is its to_leaf, so it is visible at no size.
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

// fixed are the columns that each table of versions begins with.
const fixed = "change, key, kind, from_leaf, to_leaf"

const fixedCount = 5

// formatVersion changes with the tables below.
const formatVersion = 2

const base = `
CREATE TABLE stamp (text TEXT NOT NULL);
CREATE TABLE position (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, now TEXT NOT NULL,
	without_body INTEGER NOT NULL, frontier BLOB NOT NULL);
CREATE TABLE leaf (leaf INTEGER PRIMARY KEY, now TEXT NOT NULL);
CREATE TABLE timer (view TEXT NOT NULL, key TEXT NOT NULL, due TEXT NOT NULL, PRIMARY KEY (view, key)) WITHOUT ROWID;
`

// keptPositions is how many commits' roots are remembered.
const keptPositions = 10000

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// tables returns the statements that make the tables.
func (l *Layout) tables() string {
	var b strings.Builder
	b.WriteString(base)
	for _, t := range l.Tables {
		fmt.Fprintf(&b, "CREATE TABLE %s (change INTEGER PRIMARY KEY, key TEXT NOT NULL, kind INTEGER NOT NULL, from_leaf INTEGER NOT NULL, to_leaf INTEGER", quote(t.Name))
		for _, c := range t.Columns {
			fmt.Fprintf(&b, ", %s %s NOT NULL", quote(c.Name), c.Type)
		}
		b.WriteString(");\n")
	}
	for _, s := range l.States {
		fmt.Fprintf(&b, "CREATE TABLE %s (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;\n", quote(s))
	}
	return b.String()
}

// keyIndex returns the statement that makes the index by which rows are found by
// key.
func (t *Table) keyIndex() string {
	return fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s (key)", quote(t.Name+".key"), quote(t.Name))
}

// indexes returns the statements that make all indexes of a table. Each ends with
// the order column, and SQLite adds change, so that a page is read off one index.
func (t *Table) indexes() []string {
	list := []string{t.keyIndex()}
	order := ""
	if t.Order >= 0 {
		name := t.Columns[t.Order].Name
		order = ", " + quote(name)
		list = append(list, fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s (%s)", quote(t.Name+".by."+name), quote(t.Name), quote(name)))
	}
	for i, c := range t.Columns {
		if c.Index && i != t.Order {
			list = append(list, fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s (%s%s)", quote(t.Name+".by."+c.Name), quote(t.Name), quote(c.Name), order))
		}
	}
	return list
}

// selected are the columns that versions are read in.
func (t *Table) selected() string {
	var b strings.Builder
	b.WriteString(fixed)
	for _, c := range t.Columns {
		b.WriteString(", ")
		b.WriteString(quote(c.Name))
	}
	return b.String()
}
