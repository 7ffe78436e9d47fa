package cmdline

import (
	"errors"
	"fmt"
)

// Exit statuses. They are part of the interface.
const (
	Done        = 0
	Failed      = 1
	WrongUsage  = 2
	DoesNotHold = 3 // verified, and it does not hold
)

type statusError struct {
	status int
	error
}

func (e statusError) Unwrap() error { return e.error }

// WithStatus gives an error an exit status. The error of no error is nil.
func WithStatus(status int, err error) error {
	if err == nil {
		return nil
	}
	return statusError{status, err}
}

// Usage returns an error with the exit status of wrong usage.
func Usage(format string, args ...any) error {
	return statusError{WrongUsage, fmt.Errorf(format, args...)}
}

// Status returns the exit status of a command that ended with err.
func Status(err error) int {
	if err == nil {
		return Done
	}
	var e statusError
	if errors.As(err, &e) {
		return e.status
	}
	return Failed
}
