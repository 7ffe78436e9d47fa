// Package rekor anchors a ledger: it puts the digests of signed checkpoints into
// Rekors (https://docs.sigstore.dev/logging/overview), of version 1 and 2, verifies
// what they answer, and keeps it. Whoever holds such an entry can show that the
// checkpoint, and all leaves below it, existed when the Rekor took it, whatever the
// ledger says later.
//
// A Rekor is not believed: nothing that it answers is kept before ledger/verify has
// checked it, and a Rekor that is away, slow or lying holds up nothing but its own
// anchors. [Anchorer] does the work, [Store] reads what was kept, package server runs
// a Rekor of the ledger's own.
package rekor
