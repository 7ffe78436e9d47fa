// Package archive has the files of a ledger on disk: the segments of bodies that a node
// appends to, and readers of the tree and the bodies.
//
// The readers work while another process writes. [Directory] is the [ledger.Reader] of
// the files.
//
// Not here: verdicts and the adding of leaves, which are in ledger/writer, and reading
// over the network, which is in ledger/http.
package archive
