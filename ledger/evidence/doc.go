// Package evidence makes evidence bundles out of a ledger: of chosen events, with all
// that somebody who has nothing but a trust file needs to check them. Package
// ledger/verify reads them.
package evidence
