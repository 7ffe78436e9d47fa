// Package events holds what is said: the events that operators, authorities
// and the ledger itself publish, the manifest that numbers and signs them, the
// envelope that carries both, and the digests that stand for personal data.
//
// It is pure. Nothing here opens a file, a socket or a clock; callers pass
// times and randomness in. Whatever parses bytes from outside returns an error
// and never panics, allocates in proportion to its input, and accepts only what
// it would write itself: a parsed [Manifest] or [Envelope] marshals to the same
// bytes.
//
// Validation against the JSON Schemas lives in events/schema, the operator's
// client in ledger/client, native logs in events/connect.
package events
