// Package verify checks what a ledger claims, for anyone with a trust file: receipts,
// anchors, timestamps, cosignatures, evidence and forks.
//
// Everything it reads may come from an adversary. Its parsers accept only what
// their own marshalling would write, return errors and never panic; of a Rekor's
// entry alone others write other forms, which are read and written again as one.
//
// Not here: servers, stores, network and clocks. It imports of the project only events
// and ledger/formats, and builds for WebAssembly.
package verify
