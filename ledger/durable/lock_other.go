//go:build !(unix && !solaris && !aix) && !windows

package durable

import (
	"errors"
	"fmt"
	"os"
)

func lockFile(*os.File, how) error {
	return fmt.Errorf("this system has no lock that another process would keep to: %w", errors.ErrUnsupported)
}
