package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/saksi-ledger/saksi/ledger/durable"
	"github.com/saksi-ledger/saksi/ledger/paths"
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

// ReadingIdentity is [Authority.ReadingIdentity] of a member authority.
func (s *MemberAuthority) ReadingIdentity() (*age.X25519Identity, error) {
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

const (
	nextIdentityFile = "age-next.key"
	retiredPrefix    = "age-retired-"
)

// Identities returns the identity to read with, and those that were before it.
func (a *Authority) Identities() ([]age.Identity, error) {
	return identities(a.path(keysDir, identityKeyFile), a.path(keysDir))
}

// Identities is [Authority.Identities] of a member authority.
func (s *MemberAuthority) Identities() ([]age.Identity, error) {
	return identities(s.path(keysDir, identityKeyFile), s.path(keysDir))
}

func identities(current, retired string) ([]age.Identity, error) {
	files, err := paths.List(retired, retiredPrefix, ".key")
	if err != nil {
		return nil, err
	}
	var all []age.Identity
	for _, file := range append([]string{current}, files...) {
		identity, err := readIdentity(file)
		if err != nil {
			return nil, err
		}
		all = append(all, identity)
	}
	return all, nil
}

// NextIdentity returns the identity that is to take the place of the one to read with,
// making it if there is none yet.
func (a *Authority) NextIdentity() (*age.X25519Identity, error) { return nextIdentity(a.path(keysDir)) }

// NextIdentity is [Authority.NextIdentity] of a member authority.
func (s *MemberAuthority) NextIdentity() (*age.X25519Identity, error) {
	return nextIdentity(s.path(keysDir))
}

func nextIdentity(keys string) (*age.X25519Identity, error) {
	file := filepath.Join(keys, nextIdentityFile)
	identity, err := readIdentity(file)
	if errors.Is(err, os.ErrNotExist) {
		return newIdentity(file)
	}
	return identity, err
}

// PromoteIdentity puts the next identity in the place of the one to read with. That one
// is retired: of disclosures it opens nothing that is kept any more, but sealed events,
// which stand in the ledger as they are, were encrypted to it.
func (a *Authority) PromoteIdentity() error { return promoteIdentity(a.path(keysDir)) }

// PromoteIdentity is [Authority.PromoteIdentity] of a member authority.
func (s *MemberAuthority) PromoteIdentity() error { return promoteIdentity(s.path(keysDir)) }

func promoteIdentity(keys string) error {
	next, err := readSecret(filepath.Join(keys, nextIdentityFile))
	if err != nil {
		return err
	}
	if old, err := readIdentity(filepath.Join(keys, identityKeyFile)); err == nil {
		text := []byte(old.String() + "\n")
		if err := durable.WriteFile(filepath.Join(keys, retiredPrefix+old.Recipient().String()[4:20]+".key"), text, 0o600); err != nil {
			return fmt.Errorf("retire the age identity: %w", err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := durable.WriteFile(filepath.Join(keys, identityKeyFile), append(next, '\n'), 0o600); err != nil {
		return fmt.Errorf("replace the age identity: %w", err)
	}
	return os.Remove(filepath.Join(keys, nextIdentityFile))
}
