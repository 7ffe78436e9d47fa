// Package client is the client of a ledger for those who publish: an outbox that signs
// and keeps events until it has verified their receipts, and the connection that sends
// them.
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
//
// Not here: native logs, schemas and admission. What the ledger answers is believed only
// where the tree proves it.
package client
