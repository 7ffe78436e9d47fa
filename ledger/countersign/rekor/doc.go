// Package rekor anchors checkpoints in Rekors, version 1 and 2, verifies their answers,
// and stores them.
//
// Such an entry proves that the checkpoint, and all leaves under it, existed when the
// Rekor took it.
//
// Such an entry proves that the checkpoint, and all leaves under it, existed when the
// Rekor took it.
//
// Such an entry proves that the checkpoint, and all leaves under it, existed when the
// Rekor took it.
//
// Such an entry proves that the checkpoint, and all leaves under it, existed when the
// Rekor took it.
//
// Such an entry proves that the checkpoint, and all leaves under it, existed when the
// Rekor took it.
//
// Such an entry proves that the checkpoint, and all leaves under it, existed when the
// Rekor took it.
//
// A Rekor is not believed: nothing that it answers is kept before ledger/verify has
// checked it, and a Rekor that is away, slow or lying holds up nothing but its own
// anchors. [Anchorer] does the work, [Store] reads what was kept, package server runs
// a Rekor of the ledger's own.
//
// Not here: the other countersigners, and the judgement whether a Rekor is independent,
// which is the trust file's.
package rekor
