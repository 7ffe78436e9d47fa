// Package formats has the wire formats of a ledger: the leaf, the checkpoint, the
// receipt, the cosignature, the witness policy and proofs of inclusion. Each file
// names the specification that it implements; docs/formats.md has them to the byte.
//
// Code here parses, checks signatures and hashes, and writes the same bytes again.
// It does no input or output, has no clock, and knows no trust file: what follows
// from a trust file is in ledger/verify.
package formats
