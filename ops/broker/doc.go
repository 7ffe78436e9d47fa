// Package broker runs NATS with JetStream for a ledger, and issues the accounts that
// keep operators, authorities and readers apart.
//
// What lives here:
//
//   - the authority's key material and the accounts, users and permissions it
//     signs with it ([Init], [Open], [Authority]);
//   - who may publish or subscribe to what (permissions.go, the one place);
//   - a NATS server inside the process ([Start]), and the configuration for the
//     stock nats-server ([Authority.ServerConfig]);
//   - the definitions of the streams EVENTS ([EnsureEvents]) and FEEDS
//     ([EnsureFeeds]), and of readers' consumers on FEEDS ([EnsureReaders]).
//
// Not here: what a message means. The broker carries bytes; package events knows their
// meaning, and admission decides about them.
//
// # Accounts
//
// Trust is decentralised JWT: a NATS operator key (the authority's; not to be
// confused with a cloud operator) signs accounts, accounts sign users.
//
//	operator key ─┬─ SYS         pushes account JWTs, nothing else
//	              ├─ LEDGER      owns EVENTS; the ledger node's user; exports
//	              ├─ PROJECTIONS owns FEEDS; the publisher's user; exports
//	              ├─ AUTHORITY   the authority's command line; imports
//	              ├─ one account for each cloud operator; imports
//	              └─ one account for each reader; imports
//
// The exports of LEDGER and PROJECTIONS are public, and each importing account
// imports subjects with its own name in them, or within its mandate. That is
// enough, because only the NATS operator key can sign an account: operators and
// readers hold neither it nor their own account's key, only the seed of a user,
// which never leaves them.
//
// The authority has an account of its own rather than a user in LEDGER: the
// broker checks the subject of a message against the sender's permissions, but
// not its reply subject, so a sender inside LEDGER could name "events.<someone>"
// as the place for JetStream's acknowledgement. Across an import the broker
// replaces the reply subject by one of its own.
package broker
