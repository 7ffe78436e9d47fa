package sqlite

import (
	"fmt"
	"strings"

	"github.com/saksi-ledger/saksi/projections/store"
)

// fixed are the columns that each table of versions begins with; to_leaf is NULL while a
// version holds.
const fixed = "change, key, kind, from_leaf, to_leaf"

const fixedCount = 5

// formatVersion changes with the tables below.
const formatVersion = 3

// base are the tables that don't come from the layout. No view's name begins with an
// underscore.
const base = `
CREATE TABLE _stamp (text TEXT NOT NULL);
CREATE TABLE _position (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, now TEXT NOT NULL,
	without_body INTEGER NOT NULL, frontier BLOB NOT NULL);
CREATE TABLE _leaf (leaf INTEGER PRIMARY KEY, now TEXT NOT NULL);
CREATE TABLE _timer (view TEXT NOT NULL, key TEXT NOT NULL, due TEXT NOT NULL, PRIMARY KEY (view, key)) WITHOUT ROWID;
`

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// declared returns the type that a column is declared with.
func declared(t store.Type) string {
	switch t {
	case store.Integer:
		return "INTEGER"
	case store.Real:
		return "REAL"
	}
	return "TEXT"
}

// declarations returns the statements that make the tables.
func declarations(l *store.Layout) string {
	var b strings.Builder
	b.WriteString(base)
	for _, t := range l.Tables {
		fmt.Fprintf(&b, "CREATE TABLE %s (change INTEGER PRIMARY KEY, key TEXT NOT NULL, kind INTEGER NOT NULL, from_leaf INTEGER NOT NULL, to_leaf INTEGER", quote(t.Name))
		for _, c := range t.Columns {
			fmt.Fprintf(&b, ", %s %s NOT NULL", quote(c.Name), declared(c.Type))
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
func keyIndex(t *store.Table) string {
	return fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s (key)", quote(t.Name+".key"), quote(t.Name))
}

// indexes returns the statements that make all indexes of a table. Each ends with
// the order column, and SQLite adds change, so that a page is read off one index.
func indexes(t *store.Table) []string {
	list := []string{keyIndex(t)}
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
func selected(t *store.Table) string {
	var b strings.Builder
	b.WriteString(fixed)
	for _, c := range t.Columns {
		b.WriteString(", ")
		b.WriteString(quote(c.Name))
	}
	return b.String()
}
