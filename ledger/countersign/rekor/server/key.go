package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// openKey returns the server's key, and makes it where there is neither key nor tree:
// a tree whose key is lost can't go on under another.
func openKey(dir string) (ed25519.PublicKey, error) {
	path := filepath.Join(dir, keyFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, treeDir, "checkpoint")); err == nil {
			return nil, fmt.Errorf("the Rekor in %s has a tree and no %s: its key is lost", dir, keyFile)
		}
		if err := makeKey(path); err != nil {
			return nil, fmt.Errorf("make the Rekor's key: %w", err)
		}
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the Rekor's key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("read the Rekor's key: %s is not PEM", path)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the Rekor's key from %s: %w", path, err)
	}
	key, ok := private.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read the Rekor's key: %s is not Ed25519", path)
	}
	return key.Public().(ed25519.PublicKey), nil
}

// makeKey writes a key whole or not at all; see [durable.WriteFile].
func makeKey(path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}
