package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/events"
)

const nextSigningFile = "signing-next.pem"

// NextSigner returns the key that replaces the one of registry events. It is made when
// it is first asked for, so that a rotation which was cut short goes on with the same.
func (a *Authority) NextSigner() (*events.Signer, error) { return nextSigner(a.path(keysDir)) }

// UseNext lets the next key take the place of the one of registry events, which is
// gone then: the registry has put it out of use.
func (a *Authority) UseNext() error { return useNext(a.path(keysDir)) }

// NextSigner is [Authority.NextSigner] of an authority with a seat.
func (s *Seat) NextSigner() (*events.Signer, error) { return nextSigner(s.path(keysDir)) }

// UseNext is [Authority.UseNext] of an authority with a seat.
func (s *Seat) UseNext() error { return useNext(s.path(keysDir)) }

func nextSigner(keys string) (*events.Signer, error) {
	next := filepath.Join(keys, nextSigningFile)
	if _, err := os.Stat(next); errors.Is(err, os.ErrNotExist) {
		return newSigner(next)
	}
	return readSigner(next)
}

func useNext(keys string) error {
	if err := os.Rename(filepath.Join(keys, nextSigningFile), filepath.Join(keys, signingFile)); err != nil {
		return fmt.Errorf("put the new key in place: %w", err)
	}
	return syncDir(keys)
}
