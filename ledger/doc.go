// Package ledger has what everyone may know of a ledger: its reader, its entries, and a
// few errors.
//
// It has how entries are read ([Reader], [Entry]), whether a body is the one that its
// leaf names ([CheckBody]), and what several packages report in the same words.
//
// Code here does no input or output, and links neither the tree's storage nor a
// broker. What writes a ledger is in ledger/writer, what reads one from a disk in
// ledger/archive, and from an address in ledger/http.
//
// Not here: the writer, which is in ledger/writer, and so Tessera, NATS and SQLite.
package ledger
