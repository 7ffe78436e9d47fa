// Package server runs a Rekor v2 of the ledger's own as a child process.
//
// That server ends its process when it cannot continue, and must not end the ledger's.
// It listens on loopback only. Package posix is the child's side.
//
// That server ends its process when it cannot continue, and must not end the ledger's.
// It listens on loopback only. Package posix is the child's side.
//
// That server ends its process when it cannot continue, and must not end the ledger's.
// It listens on loopback only. Package posix is the child's side.
//
// That server ends its process when it cannot continue, and must not end the ledger's.
// It listens on loopback only. Package posix is the child's side.
//
// That server ends its process when it cannot continue, and must not end the ledger's.
// It listens on loopback only. Package posix is the child's side.
//
// That server ends its process when it cannot continue, and must not end the ledger's.
// It listens on loopback only. Package posix is the child's side.
//
// A Rekor run by the ledger's owner is no independent anchor. It shows that anchoring
// works, and gives a place for others to watch.
//
// Not here: the client side of Rekor, which is in ledger/countersign/rekor.
package server
