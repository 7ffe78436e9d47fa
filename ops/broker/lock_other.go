//go:build !unix || solaris || aix

package broker

// lockFile does nothing where flock(2) is missing: there, one process at a time
// is up to whoever runs it.
func lockFile(string, bool) (unlock func(), err error) { return func() {}, nil }
