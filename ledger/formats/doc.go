// Package formats has the formats of a ledger: leaf, checkpoint, receipt, cosignature,
// witness policy and signed note.
//
// Each file names the specification that it implements; docs/formats.md has them to the
// byte.
//
// Code here parses, checks signatures and hashes, and writes the same bytes again.
// It does no input or output, has no clock, and knows no trust file: what follows
// from a trust file is in ledger/verify.
//
// Not here: trust, verification of evidence, sentences for people, files and network.
package formats
