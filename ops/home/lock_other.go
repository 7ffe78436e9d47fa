//go:build !unix || solaris || aix

package home

import "errors"

// ErrLocked means that another process holds a lock.
var ErrLocked = errors.New("another process holds the lock")

// Lock does nothing where flock(2) is missing: there, one process at a time is up
// to whoever runs it.
func Lock(string) (unlock func(), err error) { return func() {}, nil }

// TryLock does nothing, like [Lock].
func TryLock(string) (unlock func(), err error) { return func() {}, nil }
