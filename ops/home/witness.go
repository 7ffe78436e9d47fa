package home

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// Witness is the home of a witness: somebody who cosigns ledgers' checkpoints. What it
// has cosigned lies in it too, and must never be lost: see docs/witness.md.
type Witness struct {
	Identity
	dir string
}

const (
	witnessKeyFile  = "witness.pem"
	witnessLogsDir  = "logs"
	witnessURLFile  = "url"
	maxCosignerName = 200
)

// NewWitness makes a witness's home in an empty directory: its key. The name stands in
// its cosignatures, and is a URL without its scheme by custom.
func NewWitness(dir, name string) (*Witness, error) {
	if name == "" || len(name) > maxCosignerName || !utf8.ValidString(name) || strings.Contains(name, "+") || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return nil, hint(fmt.Errorf("%.100q can't be a witness's name", name), "such as witness.example.sg/w1: no spaces, no +")
	}
	if err := begin(dir); err != nil {
		return nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the witness's key: %w", err)
	}
	text, err := encodeKey(private, false)
	if err != nil {
		return nil, fmt.Errorf("make the witness's key: %w", err)
	}
	w := &Witness{Identity{V: 1, Role: RoleWitness, Name: name}, dir}
	if err := errors.Join(
		writeNew(filepath.Join(dir, keysDir, witnessKeyFile), text),
		os.Mkdir(w.LogsDir(), 0o700),
	); err != nil {
		return nil, fmt.Errorf("make a witness: %w", err)
	}
	// The identity comes last: with it, the home is whole.
	return w, WriteJSON(filepath.Join(dir, identityFile), w.Identity, 0o600)
}

// OpenWitness opens a witness's home.
func OpenWitness(dir string) (*Witness, error) {
	id, err := open(dir, RoleWitness)
	if err != nil {
		return nil, err
	}
	return &Witness{id, dir}, nil
}

// Key returns the key that it cosigns with.
func (w *Witness) Key() (ed25519.PrivateKey, error) {
	path := filepath.Join(w.dir, keysDir, witnessKeyFile)
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != plainBlock {
		return nil, fmt.Errorf("read key %s: not a PEM file with a PRIVATE KEY", path)
	}
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key %s: not PKCS#8", path)
	}
	key, ok := private.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("read key %s: want Ed25519", path)
	}
	return key, nil
}

// LogsDir is where it keeps what it has cosigned.
func (w *Witness) LogsDir() string { return filepath.Join(w.dir, witnessLogsDir) }

// SetURL keeps where it served last.
func (w *Witness) SetURL(url string) error {
	return durable.WriteFile(filepath.Join(w.dir, witnessURLFile), []byte(url+"\n"), 0o600)
}

// URL returns where it served last, or nothing.
func (w *Witness) URL() string {
	b, err := os.ReadFile(filepath.Join(w.dir, witnessURLFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
