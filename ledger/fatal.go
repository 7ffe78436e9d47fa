package ledger

import "errors"

// ErrFatal is wrapped by errors after which a Ledger must not be used any more,
// since it isn't known what was written. Opening it again finds out.
var ErrFatal = errors.New("the ledger must be opened again")
