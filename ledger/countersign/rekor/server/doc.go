// Package server runs a Rekor v2 of the ledger's own, rekor-tiles' POSIX server, as a
// child process: it ends its process where it can't go on, which must not be the
// ledger's. All that it listens on is loopback. Package posix is the child's side.
//
// A Rekor run by the ledger's owner is no independent anchor. It shows that anchoring
// works, and gives a place for others to watch.
package server
