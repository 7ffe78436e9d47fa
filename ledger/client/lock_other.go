//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package client

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked")

func flock(*os.File) error {
	return errors.New("this system has no flock, without which two processes could number the same events")
}
