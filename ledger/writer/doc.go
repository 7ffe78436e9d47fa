// Package writer makes the tree: it takes each message of the stream once, in order,
// gets its verdict, stores its body, and adds its leaf.
//
// It also answers parties who ask where their envelopes stand.
//
// The tree is the record and the only cursor. What is durable, and when:
//
//   - a body is fsynced to its segment file before its leaf is added;
//   - a leaf is fsynced, with the tiles that lead to it, before it can be covered
//     by a checkpoint, and so before there can be a receipt;
//   - the database of heads and manifests is stamped with the size of the tree it
//     was written at. It is behind the tree after a crash, never before it, and
//     is brought up to date, or made anew, from leaves and bodies.
//
// One process at a time writes: it holds a lock on the directory for its life.
// Whatever goes wrong while writing ends that life ([writer.ErrFatal]); what was
// half-done is found out and finished, or taken back, by [writer.Open].
//
// Not here: verdicts, which are in ledger/admission, and proofs, which are in
// ledger/verify. Only a node imports this package.
package writer
