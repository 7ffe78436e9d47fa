package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockFile locks a byte that no note reaches: here nobody else can read what is locked.
func lockFile(f *os.File, h how) error {
	flags := map[how]uint32{exclusive: windows.LOCKFILE_EXCLUSIVE_LOCK, exclusiveNow: windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY}[h]
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}
