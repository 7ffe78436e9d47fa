// Package verify checks what a ledger claims, for anyone: leaves, checkpoints,
// receipts, anchors in Rekors, evidence bundles, and the trust file that says whom to
// believe. It needs no server, no store, no network and no clock, imports nothing of
// the project but events, and builds for WebAssembly.
//
// Everything it reads may come from an adversary. Its parsers accept only what
// their own marshalling would write, return errors and never panic; of a Rekor's
// entry alone others write other forms, which are read and written again as one.
package verify
