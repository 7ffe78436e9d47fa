//go:build unix && !solaris && !aix

package durable

import (
	"errors"
	"os"
	"syscall"
)

func lockFile(f *os.File, h how) error {
	flags := map[how]int{exclusive: syscall.LOCK_EX, exclusiveNow: syscall.LOCK_EX | syscall.LOCK_NB, shared: syscall.LOCK_SH}[h]
	for {
		switch err := syscall.Flock(int(f.Fd()), flags); {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrLocked
		default:
			return err
		}
	}
}
