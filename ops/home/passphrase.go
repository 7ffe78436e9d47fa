package home

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/youmark/pkcs8"
)

// What names where a passphrase is read from. It is never an argument or itself in
// the environment: other programs can see those.
const (
	passphraseFile = "SAKSI_PASSPHRASE_FILE"
	passphraseFD   = "SAKSI_PASSPHRASE_FD"
	maxPassphrase  = 1024 // bytes
)

// passphrase reads a passphrase, without the line feed at its end. A descriptor can be
// read once.
func passphrase() ([]byte, error) {
	file, fd := os.Getenv(passphraseFile), os.Getenv(passphraseFD)
	var text []byte
	var err error
	switch {
	case file != "" && fd != "":
		return nil, fmt.Errorf("both %s and %s are set: want one", passphraseFile, passphraseFD)
	case file != "":
		text, err = readSecret(file)
	case fd != "":
		text, err = readDescriptor(fd)
	default:
		return nil, hint(errors.New("the key is under a passphrase, and none was given"),
			"set "+passphraseFile+" to a file that only you can read, or "+passphraseFD+" to the number of an open descriptor")
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the passphrase: %w", err)
	case len(text) == 0:
		return nil, errors.New("the passphrase is empty")
	case len(text) > maxPassphrase:
		return nil, fmt.Errorf("the passphrase is longer than %d bytes", maxPassphrase)
	}
	return text, nil
}

func readDescriptor(s string) ([]byte, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%s is %q: want the number of a descriptor", passphraseFD, s)
	}
	f := os.NewFile(uintptr(n), "descriptor "+s)
	if f == nil {
		return nil, fmt.Errorf("descriptor %d is not open", n)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPassphrase+2))
	return bytes.TrimRight(text, "\r\n"), err
}

// encryptedKey is decrypted when it first signs. It is safe for concurrent use.
type encryptedKey struct {
	path   string
	der    []byte
	public crypto.PublicKey

	once    sync.Once
	private crypto.Signer
	err     error
}

// Public implements [crypto.Signer].
func (k *encryptedKey) Public() crypto.PublicKey { return k.public }

// Sign implements [crypto.Signer].
func (k *encryptedKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.once.Do(func() { k.private, k.err = k.decrypt() })
	if k.err != nil {
		return nil, k.err
	}
	return k.private.Sign(random, digest, opts)
}

func (k *encryptedKey) decrypt() (crypto.Signer, error) {
	secret, err := passphrase()
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", k.path, err)
	}
	// The library's error says nothing about why.
	private, _, err := pkcs8.ParsePrivateKey(k.der, secret)
	if err != nil {
		return nil, hint(fmt.Errorf("open key %s: the passphrase is not its, or the file is damaged", k.path),
			"look at what "+passphraseFile+" or "+passphraseFD+" names")
	}
	key, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("open key %s: it is a %T: want Ed25519 or ECDSA P-256", k.path, private)
	}
	return key, nil
}
