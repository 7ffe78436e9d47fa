package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/nats-io/nkeys"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// writeFile writes a file that is its owner's alone, whole or not at all.
func writeFile(path string, data []byte) error {
	if err := durable.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func readKey(path string) (nkeys.KeyPair, error) {
	seed, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	defer clear(seed)
	kp, err := nkeys.FromSeed(seed)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	return kp, nil
}

func writeKey(path string, kp nkeys.KeyPair) error {
	seed, err := kp.Seed()
	if err != nil {
		return fmt.Errorf("write key %s: %w", path, err)
	}
	return writeFile(path, seed)
}

// readOrMakeAccountKey returns the account key at path, and makes it if there
// is none. The caller holds the authority's lock.
func readOrMakeAccountKey(path string) (nkeys.KeyPair, error) {
	kp, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return kp, err
	}
	if kp, err = nkeys.CreateAccount(); err != nil {
		return nil, fmt.Errorf("make account key: %w", err)
	}
	return kp, writeKey(path, kp)
}
