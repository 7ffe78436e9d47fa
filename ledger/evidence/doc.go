// Package evidence makes evidence bundles from a ledger.
//
// A bundle has chosen events, with everything that a reader with a trust file needs to
// check them.
//
// A bundle has chosen events, with everything that a reader with a trust file needs to
// check them.
//
// A bundle has chosen events, with everything that a reader with a trust file needs to
// check them.
//
// A bundle has chosen events, with everything that a reader with a trust file needs to
// check them.
//
// A bundle has chosen events, with everything that a reader with a trust file needs to
// check them.
//
// A bundle has chosen events, with everything that a reader with a trust file needs to
// check them.
//
// Not here: the verification of bundles, which is in ledger/verify.
package evidence
