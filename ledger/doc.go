// Package ledger has what everyone may know of a ledger: how its entries are read
// ([Reader], [Entry]), whether a body is the one that its leaf is about ([CheckBody]),
// and what is reported about it in words that several packages share.
//
// Code here does no input or output, and links neither the tree's storage nor a
// broker. What writes a ledger is in ledger/writer, what reads one from a disk in
// ledger/archive, and from an address in ledger/http.
package ledger
