package home

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/durable"
)

// nextFile names, while a rotation is on its way, the key that will sign.
const nextFile = "next"

// NextSigner returns the key that replaces the one of registry events. It is made, or
// found in an ssh-agent, as it is specified when it is first asked for; a rotation
// which was cut short goes on with the same, whatever is specified then.
func (a *Authority) NextSigner(spec KeySpec) (*events.Signer, error) {
	return nextSigner(a.path(keysDir), spec)
}

// UseNext lets the next key take the place of the one of registry events, which is
// gone then, if it was a file: the registry has put it out of use.
func (a *Authority) UseNext() error { return useNext(a.path(keysDir)) }

// NextSigner is [Authority.NextSigner] of a member authority.
func (s *MemberAuthority) NextSigner(spec KeySpec) (*events.Signer, error) {
	return nextSigner(s.path(keysDir), spec)
}

// UseNext is [Authority.UseNext] of a member authority.
func (s *MemberAuthority) UseNext() error { return useNext(s.path(keysDir)) }

// Rotating reports whether there is a next key that has not taken its place yet.
func (a *Authority) Rotating() bool { return rotating(a.path(keysDir)) }

// Rotating is [Authority.Rotating] of a member authority.
func (s *MemberAuthority) Rotating() bool { return rotating(s.path(keysDir)) }

func rotating(keys string) bool {
	_, err := os.Stat(filepath.Join(keys, nextFile))
	return err == nil
}

func nextSigner(keys string, spec KeySpec) (*events.Signer, error) {
	next := filepath.Join(keys, nextFile)
	stems, err := readStems(next)
	if err == nil {
		return openKey(filepath.Join(keys, stems[0]))
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	key, err := spec.newKey()
	if err != nil {
		return nil, err
	}
	current, err := currentSigner(keys)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // a lost key is replaced too
		return nil, err
	}
	id := key.signer.PublicKey().ID()
	if err == nil && id == current.PublicKey().ID() {
		return nil, hint(errors.New("the next key is the one that signs now"), "name another key of the ssh-agent: ssh-add -l lists them")
	}
	stem := stemOf(id)
	if err := key.keep(filepath.Join(keys, stem)); err != nil {
		return nil, err
	}
	// Whoever reads the name finds the key.
	if err := durable.WriteFile(next, []byte(stem+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("keep a new key: %w", err)
	}
	return key.signer, nil
}

func useNext(keys string) error {
	next := filepath.Join(keys, nextFile)
	stems, err := readStems(next)
	if err != nil {
		return fmt.Errorf("put the new key in place: %w", err)
	}
	stem := stems[0]
	last, err := currentStem(keys)
	if err != nil {
		return fmt.Errorf("put the new key in place: %w", err)
	}
	if err := durable.WriteFile(filepath.Join(keys, currentFile), []byte(stem+"\n"), 0o600); err != nil {
		return fmt.Errorf("put the new key in place: %w", err)
	}
	if last != stem {
		for _, extension := range []string{pemExtension, agentExtension} {
			if err := os.Remove(filepath.Join(keys, last+extension)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("remove the key that no longer counts: %w", err)
			}
		}
	}
	// The name of what is next goes last: until then all of this can be done again.
	if err := os.Remove(next); err != nil {
		return fmt.Errorf("put the new key in place: %w", err)
	}
	return durable.SyncDir(keys)
}
