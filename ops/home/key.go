package home

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/youmark/pkcs8"

	"github.com/saksi-ledger/saksi/events"
)

// KeySpec says what signing key a home gets. The zero KeySpec is an Ed25519 key in a
// file.
type KeySpec struct {
	// Algorithm is of a key that is made here; empty is Ed25519.
	Algorithm events.Algorithm
	// Encrypt keeps it under a passphrase (PKCS#8, PBES2), which is read from the file
	// that SAKSI_PASSPHRASE_FILE names or the descriptor that SAKSI_PASSPHRASE_FD does.
	Encrypt bool
	// Agent, if not empty, is the fingerprint or the comment of a key that the
	// ssh-agent at SSH_AUTH_SOCK holds. Nothing is made then.
	Agent string
}

const (
	plainBlock     = "PRIVATE KEY"           // PKCS#8, RFC 5958
	encryptedBlock = "ENCRYPTED PRIVATE KEY" // the same, PBES2 of RFC 8018
	publicBlock    = "PUBLIC KEY"            // beside it, so that it is known without the passphrase

	pemExtension   = ".pem"
	agentExtension = ".agent"
)

// encryption is PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC, as OpenSSL reads it.
var encryption = &pkcs8.Opts{
	Cipher:  pkcs8.AES256CBC,
	KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 600_000, HMACHash: crypto.SHA256},
}

// newKey is a key that no file says anything about yet.
type newKey struct {
	signer    *events.Signer
	extension string
	text      []byte
}

// newKey makes or finds a key.
func (s KeySpec) newKey() (*newKey, error) {
	if s.Agent != "" {
		if s.Encrypt {
			return nil, errors.New("a key in an ssh-agent can't be kept under a passphrase here: the agent keeps it")
		}
		return agentNewKey(s.Agent)
	}
	var private crypto.Signer
	var err error
	switch s.Algorithm {
	case events.Ed25519, "":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case events.ECDSAP256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, fmt.Errorf("make a signing key: there is no algorithm %q: want %s or %s", s.Algorithm, events.Ed25519, events.ECDSAP256)
	}
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	signer, err := events.NewSigner(private)
	if err != nil {
		return nil, err
	}
	text, err := encodeKey(private, s.Encrypt)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return &newKey{signer, pemExtension, text}, nil
}

func encodeKey(private crypto.Signer, encrypt bool) ([]byte, error) {
	if !encrypt {
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: plainBlock, Bytes: der}), nil
	}
	secret, err := passphrase()
	if err != nil {
		return nil, err
	}
	der, err := pkcs8.MarshalPrivateKey(private, secret, encryption)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: encryptedBlock, Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: public})...), nil
}

// keep writes the key, 0600, or what is known of it, to stem and its extension.
func (k *newKey) keep(stem string) error {
	if err := writeNew(stem+k.extension, k.text); err != nil {
		return fmt.Errorf("keep a new key: %w", err)
	}
	return nil
}

// newSigner makes an Ed25519 key, keeps it in path (PKCS#8, 0600) and returns it.
func newSigner(path string) (*events.Signer, error) {
	key, err := KeySpec{}.newKey()
	if err != nil {
		return nil, err
	}
	if err := writeNew(path, key.text); err != nil {
		return nil, fmt.Errorf("keep a new key: %w", err)
	}
	return key.signer, nil
}

// openKey returns the key that was kept under stem. One that is encrypted or in an
// agent is opened when it first signs: what sends signed envelopes on needs neither.
func openKey(stem string) (*events.Signer, error) {
	text, err := readSecret(stem + agentExtension)
	if errors.Is(err, os.ErrNotExist) {
		return readSigner(stem + pemExtension)
	}
	if err != nil {
		return nil, err
	}
	var kept agentKey
	if err := json.Unmarshal(text, &kept); err != nil || kept.V != 1 {
		return nil, fmt.Errorf("read key %s: it does not name a key in an ssh-agent", stem+agentExtension)
	}
	return kept.signer()
}

// readSigner reads a key in a PEM file: PKCS#8, Ed25519 or ECDSA P-256, encrypted or
// not.
func readSigner(path string) (*events.Signer, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(text)
	switch {
	case block != nil && block.Type == plainBlock:
		private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read key %s: not PKCS#8", path)
		}
		return signerOf(path, private)
	case block == nil || block.Type != encryptedBlock:
		return nil, fmt.Errorf("read key %s: not a PEM file with a PRIVATE KEY", path)
	}
	locked := &encryptedKey{path: path, der: block.Bytes}
	if beside, _ := pem.Decode(rest); beside != nil && beside.Type == publicBlock {
		if locked.public, err = x509.ParsePKIXPublicKey(beside.Bytes); err != nil {
			return nil, fmt.Errorf("read key %s: the PUBLIC KEY beside it is none", path)
		}
		return events.NewSigner(locked)
	}
	private, err := locked.decrypt()
	if err != nil {
		return nil, err
	}
	return events.NewSigner(private)
}

func signerOf(path string, private any) (*events.Signer, error) {
	key, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("read key %s: it is a %T: want Ed25519 or ECDSA P-256", path, private)
	}
	signer, err := events.NewSigner(key)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	return signer, nil
}
