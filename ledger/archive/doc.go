// Package archive has the files of a ledger on disk: the segments of bodies, which a
// node appends to, and readers of the tree and the bodies that work while another
// process writes. [Directory] is the [ledger.Reader] of them.
//
// Nothing here decides about a message or adds a leaf: ledger/writer does.
package archive
