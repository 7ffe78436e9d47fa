// Package store is the interface between the engine of views and what keeps their
// rows. A [Backend] keeps versions of rows, states, timers and a position; it knows
// no more of views than the names and types of columns. Queries are data, which the
// backend translates into its own language.
//
// Here are the interface and what all backends share. Each backend is a package
// below, and runs the tests of storetest.
package store
