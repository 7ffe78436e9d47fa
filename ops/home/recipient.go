package home

import (
	"fmt"

	"filippo.io/age"
)

const identityKeyFile = "age.key"

// newIdentity makes the age identity that opens what is for an authority's eyes.
func newIdentity(file string) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("make an age identity: %w", err)
	}
	return writeNew(file, []byte(identity.String()+"\n"))
}

// ReadingIdentity returns the age identity (X25519) that opens what is encrypted to the authority. It never leaves the
// home. A home of before there were any has none: the error is [os.ErrNotExist].
func (a *Authority) ReadingIdentity() (*age.X25519Identity, error) {
	text, err := readSecret(a.path(keysDir, identityKeyFile))
	if err != nil {
		return nil, err
	}
	identity, err := age.ParseX25519Identity(string(trimLine(text)))
	if err != nil {
		return nil, fmt.Errorf("read the age identity %s: it is not one of X25519", a.path(keysDir, identityKeyFile))
	}
	return identity, nil
}
