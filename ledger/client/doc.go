// Package publish is an operator's client, and an authority's for its registry:
// an outbox that numbers, signs and keeps events until the ledger has proven
// that it holds them, and a client that publishes them and gathers the proofs.
//
// What is durable when:
//
//   - [Outbox.Add] returns when its envelopes are signed, numbered and fsynced.
//     Either all of them are, or none.
//   - JetStream's acknowledgement makes nothing durable here: the outbox does
//     not even note it. It spares a second sending within one [Client.Flush].
//   - An envelope's body is forgotten in the same transaction that stores its
//     receipt, and only after the receipt was verified against a checkpoint that
//     is consistent with every checkpoint seen before.
//   - What the ledger rejects is kept, with its proof, until somebody decides.
//
// So a crash, an outage, a broker that loses what it acknowledged or a ledger
// that goes back in time costs time and duplicates, never an event.
//
// The package knows nothing of native logs, schemas or admission, and imports
// of the project only events, ledger/formats and ledger/verify. What the ledger answers is
// believed only where the tree proves it.
package client
