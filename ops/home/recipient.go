package home

import (
	"errors"
	"fmt"
	"os"

	"filippo.io/age"
)

const identityKeyFile = "age.key"

// newIdentity makes the age identity that opens what is for an authority's eyes.
func newIdentity(file string) (*age.X25519Identity, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make an age identity: %w", err)
	}
	return identity, writeNew(file, []byte(identity.String()+"\n"))
}

// ReadingIdentity returns the age identity (X25519) that opens what is encrypted to the authority. It never leaves the
// home. A home of before there were any has none: the error is [os.ErrNotExist].
func (a *Authority) ReadingIdentity() (*age.X25519Identity, error) {
	return readIdentity(a.path(keysDir, identityKeyFile))
}

// ReadingIdentity is [Authority.ReadingIdentity] of an authority with a seat.
func (s *Seat) ReadingIdentity() (*age.X25519Identity, error) {
	return readIdentity(s.path(keysDir, identityKeyFile))
}

func readIdentity(file string) (*age.X25519Identity, error) {
	text, err := readSecret(file)
	if err != nil {
		return nil, err
	}
	identity, err := age.ParseX25519Identity(string(text))
	if err != nil {
		return nil, fmt.Errorf("read the age identity %s: it is not one of X25519", file)
	}
	return identity, nil
}

const nextIdentityFile = "age-next.key"

// NextIdentity returns the identity that is to take the place of the one to read with,
// making it if there is none yet.
func (a *Authority) NextIdentity() (*age.X25519Identity, error) {
	file := a.path(keysDir, nextIdentityFile)
	identity, err := readIdentity(file)
	if errors.Is(err, os.ErrNotExist) {
		return newIdentity(file)
	}
	return identity, err
}

// PromoteIdentity puts the next identity in the place of the one to read with, which is
// overwritten: it opens nothing that is kept any more.
func (a *Authority) PromoteIdentity() error {
	next, err := readSecret(a.path(keysDir, nextIdentityFile))
	if err != nil {
		return err
	}
	if err := replace(a.path(keysDir, identityKeyFile), append(next, '\n'), 0o600); err != nil {
		return fmt.Errorf("replace the age identity: %w", err)
	}
	return os.Remove(a.path(keysDir, nextIdentityFile))
}
