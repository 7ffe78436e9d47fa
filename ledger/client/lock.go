package client

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// lock takes the exclusive lock beside an outbox, held until the file is
// closed: by us, or by the operating system when the process ends however it
// ends. The file stays, for removing it would let two processes lock two files
// of the same name.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if err != errLocked {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		owner := "another process"
		if b, _ := io.ReadAll(io.LimitReader(f, 32)); len(b) > 0 {
			if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
				owner = fmt.Sprintf("process %d", pid)
			}
		}
		return nil, hint("one process at a time writes to an outbox: wait for it, or stop it", "it is in use by %s", owner)
	}
	// The number is a courtesy to whoever comes second.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}
