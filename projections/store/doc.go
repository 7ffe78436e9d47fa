// Package store is the interface to the database of views, and the conformance suite
// that every implementation passes.
//
// A [Backend] keeps versions of rows, states, timers and a position; it knows no more of
// views than the names and types of columns. Queries are data, which the backend
// translates into its own language.
//
// Here are the interface and what all backends share. Each backend is a package
// below, and runs the tests of storetest.
//
// Not here: a database, SQL, and the meaning of rows.
package store
