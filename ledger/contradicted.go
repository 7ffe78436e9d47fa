package ledger

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// Known is what somebody knows of this ledger's tree.
type Known struct {
	// By says who knows it, for people.
	By   string
	Size uint64
	// Root is the tree's at Size; nil where only the size is known.
	Root *tlog.Hash
	// Other says that it is another root, by their word, and not which.
	Other bool
}

// ErrContradicted is wrapped where somebody knows more of the tree than there is, or of
// another tree: this one was put back from an old copy, or its key has signed two. To go
// on would fork it for everybody to see.
var ErrContradicted = errors.New("the tree contradicts what others know of it")
