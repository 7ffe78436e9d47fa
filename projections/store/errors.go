package store

import (
	"errors"
	"fmt"
	"os"
)

var (
	// ErrLocked is wrapped by the error of taking what somebody else holds.
	ErrLocked = errors.New("another process holds it")
	// ErrOther is wrapped by the error of opening a generation whose rows were made by
	// something else than the layout says.
	ErrOther = errors.New("its rows were made by other views")
	// ErrDamaged is wrapped by errors of a generation that isn't what was written.
	ErrDamaged = errors.New("the views' database is damaged")
	// ErrUnusable is wrapped by the error of adopting a generation that was removed
	// instead.
	ErrUnusable = errors.New("the rebuilt views can't be used, and were removed")
	// ErrManyGroups is wrapped by the error of counting into too many groups.
	ErrManyGroups = fmt.Errorf("there are more than %d groups", MaxGroups)
)

// hinted is an error with what to do about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// Hint says what to do.
func (e hinted) Hint() string { return e.hint }

// none is an [os.ErrNotExist] with a message of its own.
type none struct{ error }

func (none) Is(target error) bool { return target == os.ErrNotExist }

// None is the error of reading where there is no generation yet.
func None(place string) error {
	return hinted{none{fmt.Errorf("there are no views in %s yet", place)}, "the node makes them when it runs; saksi rebuild does too"}
}

// Other adds what to do to an error that wraps [ErrOther].
func Other(err error) error {
	return hinted{err, "run the node of this version, or saksi rebuild"}
}

// Damaged makes an error of a generation that is damaged.
func Damaged(err error) error {
	return hinted{fmt.Errorf("%w: %w", ErrDamaged, err), "the node makes it again from the ledger when it comes upon that; saksi rebuild does at once"}
}
