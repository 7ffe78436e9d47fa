package home

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/saksi-ledger/saksi/ledger/durable"
)

// markSecretFile seals what the API gives to those whose mandate is bounded.
const markSecretFile = "marks.key"

// MarkSecret returns the secret of 32 bytes that the API seals cursors and marks of
// feeds with, and makes it at the first time. Where it is lost, readers whose mandate is
// bounded begin their feeds anew.
func (a *Authority) MarkSecret() ([]byte, error) {
	path := a.path(keysDir, markSecretFile)
	text, err := readSecret(path)
	if errors.Is(err, os.ErrNotExist) {
		secret := make([]byte, 32)
		rand.Read(secret)
		text = hex.AppendEncode(nil, secret)
		if err = durable.WriteFile(path, append(text, '\n'), 0o600); err != nil {
			return nil, fmt.Errorf("make the secret of feeds' marks: %w", err)
		}
	} else if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(string(text))
	if err != nil || len(secret) != 32 {
		return nil, hint(fmt.Errorf("%s is not 32 bytes in hexadecimal digits", path), "remove it: another is made, and readers whose mandate is bounded begin their feeds anew")
	}
	return secret, nil
}
