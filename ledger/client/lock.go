package client

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// lock takes the exclusive lock beside an outbox, see [durable.TryLock].
func lock(path string) (*durable.Held, error) {
	held, err := durable.TryLock(path)
	if errors.Is(err, durable.ErrLocked) {
		owner := "another process"
		if b, err := durable.ReadFile(path, 32); err == nil {
			if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
				owner = fmt.Sprintf("process %d", pid)
			}
		}
		return nil, hint("one process at a time writes to an outbox: wait for it, or stop it", "it is in use by %s", owner)
	}
	if err != nil {
		return nil, err
	}
	held.Note(strconv.Itoa(os.Getpid()) + "\n")
	return held, nil
}
