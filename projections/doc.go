// Package projections makes views from the leaves of a ledger: the engine, queries, and
// rebuilding.
//
// A [View] is a pure function of leaves 0..n and their bodies to rows. The
// [Engine] shows leaves to views in order, keeps their rows and commits them
// together with its position in the tree. Rows are intervals, so a view as of any
// earlier tree size is a filter; a [Store] answers such questions, in this process
// or another, while the engine writes.
//
// Everything here can be made again from the ledger: [Rebuild] does, in a new generation
// beside the live one, and says whether both are equal.
//
// Where rows are kept is the business of a store.Backend, which whoever opens an Engine
// or a Store chooses. Nothing here knows of files or of SQL.
//
// Not here: single views and findings, the database, and writing to the ledger. Of a
// ledger it knows only that it can be read.
package projections
