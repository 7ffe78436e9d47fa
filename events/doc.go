// Package events has the wire formats: the event, the manifest that numbers and signs
// events, the envelope that carries both, signatures, and salted digests of personal
// data.
//
// It is pure. Nothing here opens a file, a socket or a clock; callers pass
// times and randomness in. Whatever parses bytes from outside returns an error
// and never panics, allocates in proportion to its input, and accepts only what
// it would write itself: a parsed [Manifest] or [Envelope] marshals to the same
// bytes.
//
// Not here: files, sockets and clocks; callers pass times and randomness in. Schemas are
// in events/schema, the tables of types in events/vocabulary, native logs in
// events/connect, the outbox in ledger/client.
package events
